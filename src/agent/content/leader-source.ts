// An assignment from the segment's leader (LEAD-58), from its segment port, by the ticket and paths that the CCM gave. When the leader is lost, its
// successor goes on with what is missing.

import { TreecastError } from '../../model/treecast-error.ts';
import { type Clock, delay } from '../../net/clock.ts';
import { connectDirectly } from '../../net/dial/ccm-dialer.ts';
import { createRangeClient, type RangeClient } from '../../net/fetch/range-client.ts';
import type { TlsCredentials } from '../../net/tls/tls-settings.ts';
import type { LeaderPlace } from '../link/way-chooser.ts';
import type { ContentSource, FetchedAssignment } from './content-source.ts';
import { createRangeSource } from './range-source.ts';

export interface LeaderSource extends ContentSource {
  /** The leader cannot give it: what waits for it is told, and nobody asks again. */
  withhold(assignment: string): void;
  close(): void;
}

export interface LeaderSourceOptions {
  readonly credentials: () => TlsCredentials;
  /** Whom this node is behind; waits while it is between two leaders; null: it has a link of its own. */
  readonly leader: (signal: AbortSignal) => Promise<LeaderPlace | null>;
  readonly clock: Clock;
  readonly random: () => number;
}

const connectTimeoutMs = 5_000;
const failuresMax = 5;
/** A new leader learns of an assignment a little later than of its members. */
const notYet = { tries: 6, waitMs: 500 };
/** One after the other. */
const leadersMax = 3;
const withheldMax = 256;
/** A leader that gives less than a block in so long, drop by drop, holds its members up. */
const blockMs = 30_000;
/** One that says that it has not got it yet waits for its turn among leaders: so long, and as long as all of it takes at 8 Mbit/s. */
const turnMs = 60_000;
const turnBytesPerMs = 1_000;

export function createLeaderSource(options: LeaderSourceOptions): LeaderSource {
  const { clock } = options;
  const withheld = new Set<string>();
  const running = new Map<AbortController, string>();
  let client: { readonly leader: LeaderPlace; readonly ranges: RangeClient } | undefined;

  function sourceAt(leader: LeaderPlace, patience: Patience): ContentSource {
    if (client === undefined || !isSamePlace(client.leader, leader)) {
      client?.ranges.close();
      const ranges = createRangeClient({
        ...options,
        node: leader.node,
        dial: () => connectDirectly(leader, connectTimeoutMs),
        failuresMax,
      });
      client = { leader, ranges };
    }
    const addressOf = (url: string): string => {
      const { pathname, search } = new URL(url, 'https://leader');
      return `https://leader${pathname}${search}`;
    };
    return createRangeSource('leader', client.ranges, addressOf, patience.busy);
  }

  /** From one leader after another, as long as there is a next one. */
  async function fromLeaders<T>(
    { id: assignment, source: { dataBytes } }: FetchedAssignment,
    signal: AbortSignal,
    take: (source: ContentSource, signal: AbortSignal, patience: Patience) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const either = AbortSignal.any([signal, controller.signal]);
    running.set(controller, assignment);
    let last: LeaderPlace | null = null;
    let failure: unknown = new TreecastError('CCM_UNREACHABLE', 'The leader does not give this assignment.');
    let triesLeft = notYet.tries;
    try {
      if (withheld.has(assignment)) controller.abort();
      for (let count = 0; count < leadersMax && !either.aborted; ) {
        const leader = await options.leader(either);
        if (leader === null) break;
        const isNext = last === null || !isSamePlace(last, leader);
        if (isNext) count += 1;
        else if (!isNotFound(failure) || triesLeft === 0) break;
        else {
          triesLeft -= 1;
          await delay(clock, notYet.waitMs, either);
        }
        last = leader;
        const patience = createPatience(clock, turnMs + dataBytes / turnBytesPerMs);
        try {
          return await take(sourceAt(leader, patience), AbortSignal.any([either, patience.signal]), patience);
        } catch (error) {
          failure = patience.signal.aborted
            ? new TreecastError('CCM_UNREACHABLE', `The leader ${leader.node} gives too slowly.`, {
                cause: error,
              })
            : error;
        } finally {
          patience.end();
        }
      }
      throw failure;
    } finally {
      running.delete(controller);
    }
  }

  return {
    name: 'leader',
    manifest: (assignment, signal) =>
      fromLeaders(assignment, signal, (source, either) => source.manifest(assignment, either)),
    async blocks(assignment, header, missing, onBlock, signal) {
      const left = new Set(missing);
      let refusal: { readonly error: unknown } | undefined;
      await fromLeaders(assignment, signal, async (source, either, patience) => {
        refusal = undefined;
        const take = async (index: number, block: Buffer): Promise<void> => {
          // What the disk takes is not the leader's.
          patience.end();
          try {
            await onBlock(index, block);
            left.delete(index);
          } catch (error) {
            refusal = { error };
            throw error;
          } finally {
            patience.begin();
          }
        };
        await source.blocks(assignment, header, [...left], take, either).catch((error: unknown) => {
          // What the store says is no leader's fault.
          if (refusal?.error === error) return;
          throw error;
        });
      });
      if (refusal !== undefined) throw refusal.error;
    },
    withhold(assignment) {
      withheld.add(assignment);
      const [oldest] = withheld;
      if (withheld.size > withheldMax && oldest !== undefined) withheld.delete(oldest);
      for (const [controller, id] of running) if (id === assignment) controller.abort();
    },
    close: () => client?.ranges.close(),
  };
}

interface Patience {
  readonly signal: AbortSignal;
  begin(): void;
  end(): void;
  /** It is alive, and has not got what is asked for yet. */
  busy(): void;
}

function createPatience(clock: Clock, longestMs: number): Patience {
  const controller = new AbortController();
  let since = clock.now();
  let cancel = wait();
  function wait(): () => void {
    return clock.after(blockMs, () => controller.abort());
  }
  return {
    signal: controller.signal,
    begin() {
      cancel();
      since = clock.now();
      cancel = wait();
    },
    end: () => cancel(),
    busy() {
      if (clock.now() - since >= longestMs) return;
      cancel();
      cancel = wait();
    },
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof TreecastError && error.code === 'NOT_FOUND';
}

function isSamePlace(a: LeaderPlace, b: LeaderPlace): boolean {
  return a.node === b.node && a.address === b.address && a.port === b.port;
}
