// Is what this node serves healthy after a switch: every check passes within its attempts, or the node is reported as stale and, where
// the operator wants it, returns to its former tree. A tree that was returned to is checked too, but is never left again for that.

import { setTimeout as wait } from 'node:timers/promises';
import { definePlugin, type Exec, type HookCall, PluginError, type SwitchEvent } from 'treecast/plugin';
import type { Mismatch } from './mismatch.ts';
import { type Check, probeConfigSchema } from './probe-config.ts';
import { runCommandCheck } from './run-command-check.ts';
import { runHttpCheck } from './run-http-check.ts';

export const probe = definePlugin({
  name: 'probe',
  summary: 'checks by HTTP and by commands that a node is healthy after a switch',
  places: ['agent'],
  configSchema: probeConfigSchema,
  programs: ({ checks }) => [...new Set(checks.flatMap(({ command }) => command?.program ?? []))],
  setup({ config, exec }) {
    return {
      hooks: {
        async probe(event, call) {
          const startedAt = performance.now();
          const failures = await Promise.all(
            config.checks.map((check) => failureOf(check, event, call, exec)),
          );
          const texts = failures.filter((text) => text !== undefined);
          if (texts.length > 0) throw failed(texts, event, call, config.switchBack);
          const ms = Math.round(performance.now() - startedAt);
          const count = config.checks.length;
          return { note: `${count === 1 ? 'the check' : `all ${count} checks`} passed in ${ms} ms` };
        },
      },
    };
  },
});

/** Undefined as soon as an attempt passes. */
async function failureOf(
  check: Check,
  event: SwitchEvent,
  call: HookCall,
  exec: Exec,
): Promise<string | undefined> {
  const { site, to } = event;
  const values = { site, tree: to.tree, release: to.release, directory: to.directory };
  const limits = { signal: call.signal, timeoutMs: check.timeoutSeconds * 1000 };
  let mismatch: Mismatch = { expected: 'an attempt', came: 'none' };
  let attempt = 0;
  while (attempt < check.attempts && !call.signal.aborted) {
    attempt += 1;
    const came =
      check.http === undefined
        ? check.command && (await runCommandCheck(check.command, values, { ...limits, exec }))
        : await runHttpCheck(check.http, values, limits);
    if (came === undefined) return undefined;
    // What was seen before the end is more than that it ended.
    if (!call.signal.aborted || attempt === 1) mismatch = came;
    call.log.debug({ check: titleOf(check), attempt, ...came }, 'a check did not pass');
    if (attempt < check.attempts) await pause(check.everySeconds * 1000, call.signal);
  }
  const times = `${attempt} of ${check.attempts} attempts`;
  return `${titleOf(check)}: expected ${mismatch.expected}, came ${mismatch.came} (${times})`;
}

function titleOf({ name, http, command }: Check): string {
  const what = http === undefined ? (command?.program ?? '') : `${http.method} ${http.url}`;
  return name === undefined ? what : `${name} (${what})`;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined);
}

function failed(
  texts: readonly string[],
  { kind, from }: SwitchEvent,
  { signal }: HookCall,
  wanted: boolean,
): PluginError {
  // Only a fresh switch is taken back: after a return, or an interrupted one that start-up finished, it would go round in circles.
  const fresh = (kind === 'publish' || kind === 'rollback') && from !== null;
  // An agent that is being stopped says nothing about the tree.
  const stopped = signal.aborted && !isTimeout(signal.reason);
  const switchBack = wanted && fresh && !stopped;
  const count = texts.length === 1 ? 'a check' : `${texts.length} checks`;
  return new PluginError(`${count} did not pass: ${texts.join('; ')}`, {
    switchBack,
    fix: switchBack
      ? 'This node returns to its former tree; mend the content, then publish again.'
      : 'Look at the server on this node and its log; the node is kept as stale until a publish passes.',
  });
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError';
}
