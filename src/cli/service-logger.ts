// Logs of services (CCM, agent): JSON lines, or for people with --log-format pretty. Never on standard output.

import { type Logger, pino } from 'pino';
import { z } from 'zod';

export type ServiceLogger = Logger;

export const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']);
export const logFormat = z.enum(['json', 'pretty']);

export const logSchema = z.strictObject({
  level: logLevel.default('info').describe('The least important lines that are written.'),
  format: logFormat.default('json').describe('`pretty` is for people.'),
});

export type LogConfiguration = z.output<typeof logSchema>;

/** To stderr, or appended to a file. */
export async function createServiceLogger(
  { level, format }: LogConfiguration,
  destination: { readonly file: string } | 'stderr',
): Promise<ServiceLogger> {
  const target =
    destination === 'stderr'
      ? pino.destination(2)
      : pino.destination({ dest: destination.file, mkdir: true, sync: true });
  // Who reads the log may go away; the service does not.
  target.on('error', () => undefined);
  if (format === 'json') return pino({ level }, target);
  // For people at a terminal only: services do without it.
  const { PinoPretty } = await import('pino-pretty');
  return pino(
    { level },
    PinoPretty({ destination: target, colorize: destination === 'stderr' && process.stderr.isTTY }),
  );
}
