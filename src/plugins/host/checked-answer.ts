// What a hook answered, as the host passes it on: of the right form, within bounds, without secrets. Plugins are trusted not to do harm,
// not to make no mistakes.

import { z } from 'zod';
import type { HookName } from '../api/hook-table.ts';
import type { HookResult } from '../api/hooks.ts';
import { PluginError } from '../api/plugin-error.ts';
import type { PluginLog } from '../api/plugin-host.ts';
import { maskSecrets } from '../api/secret.ts';
import { urlMapSchema } from '../urls/url-map.ts';

export interface AskedHook<H extends HookName> {
  readonly hook: H;
  readonly log: PluginLog;
}

/** As much of a note as receipts carry. */
const noteCharactersMax = 500;
/** As much of a URL map as a message to the CCM carries. */
const urlMapCharactersMax = 65_536;
const delayMsMax = 86_400_000;

const balancerStates = z.array(
  z.object({
    node: z.string(),
    state: z.enum(['in', 'draining', 'out', 'unknown']),
    sessions: z.number().nullable(),
    weight: z.number().nullable(),
  }),
);

/** Throws a PluginError for nonsense. */
export function checkedAnswer<H extends HookName>(
  answer: unknown,
  { hook, log }: AskedHook<H>,
): HookResult<H> | undefined {
  if (answer === undefined || answer === null) {
    if (hook === 'inspect') throw nonsense(hook, 'answered nothing');
    return undefined;
  }
  if (typeof answer !== 'object') throw nonsense(hook, `answered ${typeof answer}`);
  const { note, againAfterMs, nodes, urlMap } = answer as Readonly<Record<string, unknown>>;
  if (note !== undefined && typeof note !== 'string') throw nonsense(hook, 'answered a note that is no text');
  if (againAfterMs !== undefined && !isDelay(againAfterMs))
    throw nonsense(hook, 'answered an againAfterMs that is no time');
  const checked: Record<string, unknown> = {
    ...(note === undefined ? {} : { note: maskSecrets(note).slice(0, noteCharactersMax).toWellFormed() }),
    ...(againAfterMs === undefined ? {} : { againAfterMs }),
  };
  if (hook === 'inspect') {
    const states = balancerStates.safeParse(nodes);
    if (!states.success) throw nonsense(hook, `answered no proper states of nodes${firstPath(states.error)}`);
    checked['nodes'] = states.data;
  }
  if (hook === 'attach' && urlMap !== undefined) {
    const map = urlMapSchema.safeParse(urlMap);
    // The server serves well all the same: no reason to refuse its releases.
    if (!map.success) log.warn({ hook }, `its URL map is none${firstPath(map.error)}, and is left out`);
    else if (JSON.stringify(map.data).length > urlMapCharactersMax)
      log.warn({ hook }, `its URL map has more than ${urlMapCharactersMax} characters, and is left out`);
    else checked['urlMap'] = map.data;
  }
  return checked;
}

function firstPath({ issues: [issue] }: z.ZodError): string {
  return issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')})`;
}

function nonsense(hook: HookName, what: string): PluginError {
  return new PluginError(`${hook} ${what}`, {
    fix: 'Report it to the author of the plugin.',
    retryable: false,
  });
}

function isDelay(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= delayMsMax;
}
