// Takes servers out of one balancer and waits for their sessions: with a bound, and then force or hold (N27). A balancer that forgot
// in the meantime (N28: reloaded, restarted) is told again; one that does not answer for a moment is asked again.

import { setTimeout as pause } from 'node:timers/promises';
import { PluginError, type PluginLog } from 'treecast/plugin';
import type { BalancedServer, BalancerDriver, ServerLook } from './balancer-driver.ts';
import { createPatience, isPassing } from './patience.ts';

export interface DrainPolicy {
  readonly waitSeconds: number;
  /** At the bound, with sessions left: `force` ends them; `hold` puts the servers back and fails. */
  readonly afterwards: 'force' | 'hold';
  readonly sessionsMax: number;
}

export interface DrainOutcome {
  readonly servers: number;
  readonly forced: number;
  readonly toldAgain: number;
}

interface Call {
  readonly signal: AbortSignal;
  readonly log: PluginLog;
}

const pollMs = 200;
/** After force: until the balancer has counted its sessions down. */
const forceWaitMs = 5_000;
const putBackMs = 10_000;
/** The host leaves a hook alone one second after it told it to end. */
const putBackStoppedMs = 700;

export async function drainServers<S extends BalancedServer>(
  driver: BalancerDriver<S>,
  servers: readonly S[],
  policy: DrainPolicy,
  { signal, log }: Call,
): Promise<DrainOutcome> {
  const before = await createPatience(signal)(() => driver.look(servers, signal));
  // Those that were out before stay out whatever comes: somebody else wanted that.
  const ours = before
    .filter(({ state }) => state === 'in' || state === 'unknown')
    .map(({ server }) => server);
  try {
    if (ours.length > 0) await createPatience(signal)(() => driver.takeOut(ours, signal));
    return await waitForSessions(driver, servers, policy, { signal, log });
  } catch (error) {
    if (policy.afterwards === 'force' || ours.length === 0) throw error;
    throw await held(driver, ours, error, signal);
  }
}

async function waitForSessions<S extends BalancedServer>(
  driver: BalancerDriver<S>,
  servers: readonly S[],
  policy: DrainPolicy,
  { signal, log }: Call,
): Promise<DrainOutcome> {
  const { waitSeconds, sessionsMax } = policy;
  let deadline = performance.now() + waitSeconds * 1000;
  let toldAgain = 0;
  let forced = 0;
  for (;;) {
    const late = performance.now() >= deadline;
    try {
      const looks = await driver.look(servers, signal);
      const back = looks.filter(({ state }) => state === 'in').map(({ server }) => server);
      const busy = looks.filter((look) => isBusy(look, sessionsMax));
      if (back.length > 0) {
        if (late) throw forgets(back);
        toldAgain += back.length;
        log.warn(
          { balancer: driver.name, servers: back.map(({ label }) => label) },
          'the balancer put servers back by itself (reloaded or restarted): they are taken out again',
        );
        await driver.takeOut(back, signal);
      } else if (busy.length === 0 && (late || looks.every(({ sessions }) => sessions !== null))) {
        await driver.rest?.(servers, signal);
        return { servers: servers.length, forced, toldAgain };
      } else if (late && busy.length > 0) {
        if (policy.afterwards === 'hold' || forced > 0) throw tooLong(busy, waitSeconds, forced > 0);
        forced = busy.reduce((sum, { sessions }) => sum + (sessions ?? 0), 0);
        log.warn({ balancer: driver.name, sessions: forced }, 'sessions that did not end are ended');
        await driver.force(
          busy.map(({ server }) => server),
          signal,
        );
        deadline = performance.now() + forceWaitMs;
      }
    } catch (error) {
      // Stopped in the middle of a question or between two: the same to the caller.
      if (signal.aborted) throw stopped(error);
      // A balancer that is just being replaced is away for a moment; the bound holds all the same.
      if (late || !isPassing(error, signal)) throw error;
    }
    await pause(pollMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) throw stopped();
  }
}

function isBusy({ sessions }: ServerLook, sessionsMax: number): boolean {
  return sessions !== null && sessions > sessionsMax;
}

async function held<S extends BalancedServer>(
  driver: BalancerDriver<S>,
  ours: readonly S[],
  error: unknown,
  signal: AbortSignal,
): Promise<PluginError> {
  const what = error instanceof Error ? error.message : String(error);
  const fix = error instanceof PluginError ? error.fix : undefined;
  const names = ours.map(({ label }) => label).join(', ');
  try {
    await driver.putBack(
      ours,
      signal.aborted
        ? AbortSignal.timeout(putBackStoppedMs)
        : AbortSignal.any([signal, AbortSignal.timeout(putBackMs)]),
    );
    return new PluginError(`${what}; held: back in service: ${names}`, {
      cause: error,
      ...(fix === undefined ? {} : { fix }),
      retryable: error instanceof PluginError ? error.retryable : true,
    });
  } catch (second) {
    return new PluginError(
      `${what}; putting back failed too (${second instanceof Error ? second.message : String(second)}): ${names}`,
      { cause: error, fix: fix ?? 'Look at the balancer; `restore` puts them back when it answers.' },
    );
  }
}

function tooLong(busy: readonly ServerLook[], waitSeconds: number, forced: boolean): PluginError {
  const left = busy.map(({ server, sessions }) => `${server.label} (${sessions})`).join(', ');
  return new PluginError(
    `sessions remain ${forced ? 'although they were ended' : `after ${waitSeconds} s`}: ${left}`,
    {
      fix: 'Wait longer (drain.waitSeconds), allow some (drain.sessionsMax), or end them (drain.afterwards: force).',
    },
  );
}

function forgets(back: readonly BalancedServer[]): PluginError {
  return new PluginError(
    `the balancer keeps putting back what was taken out: ${back.map(({ label }) => label).join(', ')}`,
    { fix: 'Look for what else sets these servers: an agent-check, a reload loop, another tool.' },
  );
}

function stopped(cause?: unknown): PluginError {
  return new PluginError('stopped while waiting for sessions to end', {
    cause,
    fix: 'Raise timeouts.drain above drain.waitSeconds when this was the time limit.',
  });
}
