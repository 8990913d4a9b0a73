// ccm.yaml: where the CCM listens, how others reach it, its limits and its log.

import { z } from 'zod';
import { type SegmentTiming, timingPresets } from '../model/segment.ts';
import { parseListenAddress } from '../net/http/listen-address.ts';
import { rateLimitSchema } from '../net/link/rate-limit-schema.ts';
import { pluginEntriesSchema } from '../plugins/host/plugin-entry.ts';
import { segmentTimings, timerLimits } from '../protocol/segment/timing.ts';
import { timingProblems } from '../protocol/segment/timing-problems.ts';
import { logSchema } from './service-logger.ts';

const listen = z
  .string()
  .refine((text) => parseListenAddress(text) !== undefined, 'Is not HOST:PORT, such as 127.0.0.1:7070');

/** Only this machine can connect to such an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d+){3}$/.test(host);
}

export const origin = z
  .url({ protocol: /^https?$/, message: 'Is not an http(s) URL' })
  .refine((text) => URL.canParse(text) && new URL(text).origin === text, {
    message: 'Is not an origin: no path and no slash at the end, such as https://ccm.example.org',
  });

const segments = z
  .strictObject({
    preset: z
      .enum(timingPresets)
      .default('fast')
      .describe('`fast`: a new leader within 5 s; `classic`: slower, for networks that lose or delay much.'),
    timers: z
      .partialRecord(z.enum(Object.keys(timerLimits) as (keyof SegmentTiming)[]), z.int())
      .default({})
      .describe(
        'Single timers in milliseconds, such as `reportMs: 30000`; what is beyond its limits, or does not fit the others (ELEC-30), is refused by name.',
      ),
  })
  .check((context) => {
    const { preset, timers } = context.value;
    for (const message of timingProblems({ ...segmentTimings[preset], ...timers }))
      context.issues.push({ code: 'custom', path: ['timers'], message, input: timers });
  });

export const ccmConfigurationSchema = z.strictObject({
  listen: listen
    .default('127.0.0.1:7070')
    .describe(
      'The public port (Git, API), host:port; port 0 lets the system choose. Plain HTTP unless `tls` is given: then, or behind a TLS proxy, it may leave this machine.',
    ),
  agentListen: listen
    .default('0.0.0.0:7443')
    .describe("The agents' port, host:port: mutual TLS under the CCM's own CA."),
  tls: z
    .strictObject({
      certificate: z.string().min(1).describe('The certificate with its chain, PEM.'),
      key: z.string().min(1).describe('The key that belongs to it, PEM.'),
    })
    .optional()
    .describe(
      'The public port speaks HTTPS with these files (relative to the state directory), read at start: restart the CCM when they are renewed.',
    ),
  publicUrl: origin
    .optional()
    .describe('How authors and operators reach the public port (default: the address it listens on).'),
  agentUrl: origin
    .optional()
    .describe(
      "How agents reach the agents' port; written into join tokens (default: the address it listens on).",
    ),
  certificateDays: z
    .int()
    .min(2)
    .max(3_650)
    .default(90)
    .describe(
      'What certificates of nodes and of the agents’ port last; each is renewed by itself when a third of that is left.',
    ),
  uplink: rateLimitSchema
    .nullable()
    .default(null)
    .describe(
      'What the CCM may send of assignments, to all that fetch from it together; null: no limit. Read at start.',
    ),
  segments: segments
    .prefault({})
    .describe('The timing of elections and registration in all segments; every agent is told.'),
  tree: z
    .enum(['on', 'off'])
    .default('on')
    .describe(
      'Whether the leaders of segments fetch large assignments from each other, as the CCM hands them out; `off`: each from the CCM.',
    ),
  plugins: pluginEntriesSchema,
  log: logSchema.prefault({}).describe('The log, on standard error.'),
});

export type CcmConfiguration = z.output<typeof ccmConfigurationSchema>;
