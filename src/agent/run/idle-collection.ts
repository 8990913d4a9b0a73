// Gives back the memory that starting up or a release took, once the agent rests: V8 collects only when it needs memory, so a process
// that does nothing would keep for weeks what its last minute of work left behind. Decides when; what is kept is V8's business.

import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface IdleCollection {
  /** Something happens: collect when it is over. */
  soon(): void;
  close(): void;
}

const quietMs = 5_000;
/** Of the time since the last look; more than this is work that goes on. */
const busyShare = 0.05;

export function createIdleCollection(
  collect: () => void = collectGarbage,
  delayMs = quietMs,
): IdleCollection {
  let before = performance.eventLoopUtilization();
  const timer = setTimeout(look, delayMs).unref();

  function look(): void {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization > busyShare) timer.refresh();
    else collect();
  }

  return {
    soon() {
      timer.refresh();
    },
    close: () => clearTimeout(timer),
  };
}

/** All that is garbage, compiled code that was not used lately included, and the heap's empty pages go back to the system. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as (options: { type: 'major'; flavor: 'last-resort' }) => void;
  gc({ type: 'major', flavor: 'last-resort' });
}
