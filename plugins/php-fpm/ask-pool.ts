// Runs the script in one pool and reads its answer: what the pool caches, or in clear words why it cannot be known.

import { type HookCall, PluginError, z } from 'treecast/plugin';
import { askFastCgi, type CgiResponse, poolName } from './fast-cgi.ts';
import type { Pool } from './php-fpm-config.ts';
import { answerMark, type ResetAction, scriptParameters } from './reset-script.ts';

const poolStateSchema = z.object({
  php: z.string(),
  /** The extension is there. */
  loaded: z.boolean(),
  enabled: z.boolean(),
  /** Functions that `disable_functions` took away (or that come with the extension). */
  missing: z.array(z.string()),
  warning: z.string(),
  /** Whether OPcache's functions may be called by our script. */
  readable: z.boolean(),
  /** A restart was scheduled by this request. */
  reset: z.boolean(),
  pending: z.boolean(),
  restarting: z.boolean(),
  /** Restarts since PHP-FPM was started, whatever their reason. */
  restarts: z.number().int(),
  restrictedTo: z.string(),
  preload: z.string(),
  /** Each worker keeps resolved paths; with realpath_cache_ttl = 0 it keeps them for ever. */
  remembers: z.boolean(),
});

export type PoolState = z.output<typeof poolStateSchema>;

export interface PoolQuestion {
  readonly script: string;
  readonly timeoutMs: number;
  readonly call: Pick<HookCall, 'signal'>;
}

export async function askPool(
  pool: Pool,
  action: ResetAction,
  { script, timeoutMs, call }: PoolQuestion,
): Promise<PoolState> {
  const seen = pool.chroot === null ? script : script.slice(pool.chroot.length);
  const response = await askFastCgi(pool.address, scriptParameters(seen, action), {
    signal: call.signal,
    timeoutMs,
  });
  const state = readPoolState(response.body);
  if (state === null) throw notRun(poolName(pool.address), seen, response);
  return state;
}

/** Null when the text holds no answer of the script. */
export function readPoolState(body: string): PoolState | null {
  const at = body.lastIndexOf(answerMark);
  if (at === -1) return null;
  const end = body.indexOf('\n', at);
  try {
    const text = body.slice(at + answerMark.length, end === -1 ? undefined : end);
    return poolStateSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function notRun(name: string, script: string, { status, body, errors }: CgiResponse): PluginError {
  const said = (errors || body).replaceAll(/\s+/g, ' ').trim().slice(0, 500);
  return new PluginError(
    `the PHP-FPM pool at ${name} did not run ${script}: HTTP status ${status}${said === '' ? '' : `, “${said}”`}`,
    {
      fix: 'The pool’s user must be able to read this file, through every directory above it, and open_basedir and auto_prepend_file must let it run: set `scriptDirectory` to such a place outside every document root.',
    },
  );
}
