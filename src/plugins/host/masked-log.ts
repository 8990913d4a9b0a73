// A plugin's log: names the plugin on every line, and blanks out every secret the process has read.

import type { PluginLog } from '../api/plugin-host.ts';
import { maskSecrets } from '../api/secret.ts';

type Facts = Readonly<Record<string, unknown>>;
const levels = ['debug', 'info', 'warn', 'error'] as const;
const depthMax = 6;

export function maskedLog(log: PluginLog, always: Facts): PluginLog {
  const write =
    (level: (typeof levels)[number]) =>
    (facts: Facts, message: string): void =>
      log[level]({ ...(masked(facts, 0) as Facts), ...always }, maskSecrets(String(message)));
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Errors become their messages: stacks of plugins repeat their inputs. */
function masked(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return maskSecrets(value);
  if (value instanceof Error) return maskSecrets(value.message);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= depthMax) return '…';
  if (Array.isArray(value)) return value.map((item) => masked(item, depth + 1));
  if ('toJSON' in value && typeof value.toJSON === 'function')
    return masked((value.toJSON as () => unknown)(), depth + 1);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item, depth + 1)]));
}
