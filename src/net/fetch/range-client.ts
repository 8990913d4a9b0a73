// Fetches an assignment's manifest and the missing blocks of its data from a source, over kept-alive mutual TLS (LINK-16).
// A broken connection costs only what had not arrived; whether a block is right is for the receiver of blocks to check.

import type { Agent } from 'node:https';
import { blockBytes } from '../../model/assignment.ts';
import type { Clock } from '../clock.ts';
import { connectDirectly, type Dial } from '../dial/ccm-dialer.ts';
import { createDialingAgent } from '../dial/dialing-agent.ts';
import type { Pace } from '../rate/pacer.ts';
import { ccmConnectionOptions, nodeConnectionOptions, type TlsCredentials } from '../tls/tls-settings.ts';
import { type BlockRun, blockRuns } from './block-runs.ts';
import { requestRange } from './range-request.ts';
import { createRetry } from './retry.ts';

export interface FetchedFile {
  readonly url: string;
  readonly ticket: string;
  readonly bytes: number;
  /** Keeps what is fetched of it within limits of the rate; absent: there are none. */
  readonly pace?: Pace | undefined;
  /** The source is alive and has it not yet: it is asked again until the signal ends it. Absent: that is a failure like others. */
  readonly onBusy?: (() => void) | undefined;
}

/** Where a block lies in the file, in bytes: blocks follow one another, and some are shorter than others. */
export type RangeOfBlock = (index: number) => { readonly offset: number; readonly length: number };

export interface RangeClient {
  /** The whole file. */
  fetchFile(file: FetchedFile, signal: AbortSignal): Promise<Buffer>;
  /**
   * Hands over each missing block (indexes ascending), in no promised order, one at a time; waits for `onBlock`. Throws CCM_UNREACHABLE after
   * too many failures in a row, TICKET_INVALID, NOT_FOUND or CERTIFICATE_INVALID at once, what `onBlock` throws after a few tries,
   * and ABORTED when the signal was.
   */
  fetchBlocks(
    file: FetchedFile & { readonly rangeOf: RangeOfBlock },
    missing: readonly number[],
    onBlock: (index: number, block: Buffer) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  close(): void;
}

export interface RangeClientOptions {
  /** Asked for each request; connections are made anew when it has changed. */
  readonly credentials: () => TlsCredentials;
  readonly clock: Clock;
  readonly random: () => number;
  readonly failuresMax?: number;
  /** The source is this node's segment port; absent: the CCM. */
  readonly node?: string;
  /** Makes the connections, whatever host an address names; absent: they go there directly. */
  readonly dial?: Dial;
}

const runBytesMax = 8_388_608;
const requestsMax = 2;
const failuresInRowMax = 9;
const connectTimeoutMs = 10_000;

const directly: Dial = (host, port) => connectDirectly({ address: host, port }, connectTimeoutMs);

/** A block that the receiver refuses is asked for again this often: the source may have been read while it went bad. */
const blockRefusalsMax = 2;

export function createRangeClient(options: RangeClientOptions): RangeClient {
  const { clock, random } = options;
  const retryOptions = { clock, random, failuresMax: options.failuresMax ?? failuresInRowMax };
  let credentials: TlsCredentials | undefined;
  let agent: Agent | undefined;

  function currentAgent(): Agent {
    const wanted = options.credentials();
    if (agent !== undefined && credentials === wanted) return agent;
    // What runs on the former one is cut, and goes on where it was.
    agent?.destroy();
    credentials = wanted;
    const settings = {
      ...(options.node === undefined
        ? ccmConnectionOptions(wanted)
        : nodeConnectionOptions(wanted, options.node)),
      keepAlive: true,
      maxSockets: 2 * requestsMax,
      maxFreeSockets: requestsMax,
    };
    agent = createDialingAgent(options.dial ?? directly, settings);
    return agent;
  }

  return {
    async fetchFile({ url, ticket, bytes, pace, onBusy }, signal) {
      if (bytes === 0) return Buffer.alloc(0);
      const retry = createRetry(signal, { ...retryOptions, onBusy });
      while (true) {
        const file = Buffer.allocUnsafe(bytes);
        let filled = 0;
        try {
          for await (const chunk of requestRange(
            currentAgent(),
            { url, ticket, start: 0, end: bytes, total: bytes, pace },
            signal,
          )) {
            filled += chunk.copy(file, filled);
          }
          return file;
        } catch (error) {
          await retry.failed(error);
        }
      }
    },

    async fetchBlocks({ url, ticket, bytes, rangeOf, pace, onBusy }, missing, onBlock, signal) {
      const blocksMax = runBytesMax / blockBytes;
      const runs = blockRuns(missing, blocksMax);
      const stop = new AbortController();
      const either = AbortSignal.any([signal, stop.signal]);
      const retry = createRetry(either, { ...retryOptions, onBusy });
      let refusals = 0;
      let turn: Promise<void> = Promise.resolve();

      /** One at a time, whichever request it came by. */
      const deliver = (index: number, block: Buffer): Promise<void> => {
        const done = turn.then(() => onBlock(index, block));
        turn = done.catch(() => undefined);
        return done;
      };

      async function fetchRun(run: BlockRun): Promise<void> {
        let next = run.first;
        const last = rangeOf(run.first + run.count - 1);
        const start = rangeOf(run.first).offset;
        const end = last.offset + last.length;
        let block = newBlock(rangeOf, next, end);
        let filled = 0;
        try {
          for await (const chunk of requestRange(
            currentAgent(),
            { url, ticket, start, end, total: bytes, pace },
            either,
          )) {
            let taken = 0;
            while (taken < chunk.length) {
              const copied = chunk.copy(block, filled, taken);
              taken += copied;
              filled += copied;
              if (filled < block.length) continue;
              await deliver(next, block).catch((error: unknown) => {
                refusals += 1;
                throw refusals > blockRefusalsMax ? new RefusedByReceiver(error) : error;
              });
              retry.progressed();
              next += 1;
              block = newBlock(rangeOf, next, end);
              filled = 0;
            }
          }
        } catch (error) {
          runs.unshift({ first: next, count: run.first + run.count - next });
          throw error;
        }
      }

      async function work(): Promise<void> {
        for (let run = runs.shift(); run !== undefined; run = runs.shift()) {
          try {
            await fetchRun(run);
          } catch (error) {
            if (error instanceof RefusedByReceiver) throw error.reason;
            if (stop.signal.aborted) return;
            await retry.failed(error);
          }
        }
      }

      const workers = Array.from({ length: Math.min(requestsMax, runs.length) }, work);
      try {
        await Promise.all(workers);
      } catch (error) {
        stop.abort();
        await Promise.allSettled(workers);
        throw error;
      }
    },

    close: () => agent?.destroy(),
  };
}

/** Wraps what `onBlock` threw too often, so that it is not taken for a transport error. */
class RefusedByReceiver {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/** Empty behind the run's end. */
function newBlock(rangeOf: RangeOfBlock, index: number, end: number): Buffer {
  const { offset, length } = rangeOf(index);
  return Buffer.allocUnsafe(offset < end ? length : 0);
}
