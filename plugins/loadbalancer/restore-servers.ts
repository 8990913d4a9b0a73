// Puts servers back into one balancer and makes sure that they are: told again when the balancer forgot, and waited for, within a
// bound, until the balancer's own health check lets traffic through.

import { setTimeout as pause } from 'node:timers/promises';
import { PluginError } from 'treecast/plugin';
import type { BalancedServer, BalancerDriver, ServerLook } from './balancer-driver.ts';
import { createPatience, isPassing } from './patience.ts';

const pollMs = 200;

export async function restoreServers<S extends BalancedServer>(
  driver: BalancerDriver<S>,
  servers: readonly S[],
  waitSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + waitSeconds * 1000;
  const patiently = createPatience(signal);
  const before = await patiently(() => driver.look(servers, signal));
  const out = before.filter(({ state }) => state !== 'in').map(({ server }) => server);
  if (out.length > 0) await patiently(() => driver.putBack(out, signal));
  for (;;) {
    const late = performance.now() >= deadline;
    try {
      const looks = await driver.look(servers, signal);
      const still = looks.filter(({ state }) => state === 'out' || state === 'draining');
      const troubled = looks.filter(({ trouble }) => trouble !== null);
      if (still.length === 0 && troubled.length === 0) return;
      if (late) throw still.length > 0 ? stays(still) : fails(troubled, waitSeconds);
      if (still.length > 0)
        await driver.putBack(
          still.map(({ server }) => server),
          signal,
        );
    } catch (error) {
      if (late || !isPassing(error, signal)) throw error;
    }
    await pause(pollMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted)
      throw new PluginError('stopped while waiting for servers to be back', {
        fix: 'Raise timeouts.restore above restore.waitSeconds when this was the time limit.',
      });
  }
}

function stays(still: readonly ServerLook[]): PluginError {
  return new PluginError(
    `still out although put back: ${still.map(({ server }) => server.label).join(', ')}`,
    {
      fix: 'Look for what else sets these servers: `track`, an agent-check, another tool.',
    },
  );
}

function fails(troubled: readonly ServerLook[], waitSeconds: number): PluginError {
  const which = troubled.map(({ server, trouble }) => `${server.label} (${trouble})`).join(', ');
  return new PluginError(
    `put back, but after ${waitSeconds} s the balancer still sends nothing to ${which}`,
    { fix: 'See why the health check fails on that node; the balancer uses it as soon as the check passes.' },
  );
}
