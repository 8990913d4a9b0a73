// When a fetch tries again: with growing waits, until too many tries in a row got nowhere, the source refused, or it was stopped.

import { TreecastError } from '../../model/treecast-error.ts';
import { createBackoff } from '../backoff.ts';
import { type Clock, delay } from '../clock.ts';
import { BusySource, RefusedBySource } from './range-request.ts';

export interface Retry {
  /** Resolves when the next try may start. Throws what the fetch fails with when there is none. */
  failed(error: unknown): Promise<void>;
  /** Something arrived: failures so far are forgotten. */
  progressed(): void;
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Failures in a row that are followed by another try. */
  readonly failuresMax: number;
  /** The source is alive and has it not yet: that is no failure, and whoever waits ends it. Absent: it is one. */
  readonly onBusy?: (() => void) | undefined;
}

const retryMinMs = 100;
const retryMaxMs = 5_000;
const busyMs = 500;

export function createRetry(
  signal: AbortSignal,
  { clock, random, failuresMax, onBusy }: RetryOptions,
): Retry {
  const backoff = createBackoff({ minMs: retryMinMs, maxMs: retryMaxMs, random });
  let failures = 0;
  return {
    progressed() {
      failures = 0;
      backoff.reset();
    },
    async failed(error) {
      if (signal.aborted) throw aborted(error);
      if (error instanceof RefusedBySource) throw error;
      const isBusy = onBusy !== undefined && error instanceof BusySource;
      if (isBusy) onBusy();
      else failures += 1;
      if (failures > failuresMax) throw unreachable(error);
      await delay(clock, isBusy ? busyMs : backoff.next(), signal);
      if (signal.aborted) throw aborted(error);
    },
  };
}

function aborted(cause: unknown): TreecastError {
  return new TreecastError('ABORTED', 'Fetching was stopped.', { cause });
}

function unreachable(cause: unknown): TreecastError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TreecastError('CCM_UNREACHABLE', `The assignment cannot be fetched: ${why}.`, {
    cause,
    fix: 'Check that the CCM’s agents’ port can be reached from this node.',
  });
}
