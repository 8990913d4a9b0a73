// A member's side of its leader's multicast sessions (LEAD-105 to LEAD-107): takes part in what the leader tells of, and is where an assignment is taken from
// first. What does not come that way is asked of the next source, block by block or, when the session is over, as a whole.

import type { KeyObject } from 'node:crypto';
import { verifyBlock } from '../../assignment/block-layout.ts';
import { verifyBytes } from '../../assignment/signed.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { Mctp } from '../../net/mctp/mctp.ts';
import type { BlockSink, MctpNotice, Receiving, ReceivingEvent } from '../../net/mctp/mctp-session.ts';
import { eachBlock, normalRanges } from '../../protocol/mctp/block-ranges.ts';
import type { BlockRange } from '../../protocol/mctp/mctp-messages.ts';
import { manifestBlocksMax } from '../../protocol/mctp/mctp-session.ts';
import type { ContentSource, FetchedAssignment } from '../content/content-source.ts';
import type { AgentLog } from '../session/agent-log.ts';
import type { ReceivedBlocks } from '../store/site-store.ts';

export interface MulticastSource extends ContentSource {
  /** The leader will say how this assignment goes out. */
  expect(assignment: string): void;
  /** It goes out like this, or not at all. `answer` is called once for a notice, with what this node lacks; null: it takes it another way. */
  offered(
    assignment: string,
    notice: MctpNotice | null,
    leaderKey: KeyObject,
    answer: (lacks: readonly BlockRange[] | null) => void,
  ): void;
  /** The leader wants these blocks fetched from it; null: all, and the session is over for this node. */
  fetch(session: number, blocks: readonly BlockRange[] | null): void;
  /** The leader is lost, or there is another one: what it offered holds no longer. */
  left(): void;
  close(): Promise<void>;
}

export interface MulticastSourceOptions {
  readonly mctp: Pick<Mctp, 'receive'>;
  /** Whether the group's messages reach this node, as far as is known. */
  readonly hears: () => boolean;
  /** Blocks of single ones that the session gives up come from here. */
  readonly beside: Pick<ContentSource, 'manifest' | 'blocks'>;
  readonly received: (assignment: string) => ReceivedBlocks | null;
  readonly clock: Clock;
  readonly log: AgentLog;
}

/** Whoever was promised a session and hears nothing of it goes on without; but a leader opens it when it has something, and may have to wait for its turn. */
const noticeMs = 60_000;
/** An assignment that nobody takes from the session by then comes, or is here, another way. */
const takenMs = 60_000;
/** Who gets nothing new for so long from a session that goes on is served sooner another way, and in time (JOB-14). */
const idleMs = 60_000;
/** As many as there are data channels: each has sockets and memory of its own. */
const offersMax = 16;
const expectedMax = 256;
/** Of any session, with its manifest: the leader's word on blocks is no longer than that. */
const blocksMax = 65_536 + manifestBlocksMax;

interface Taker {
  readonly header: AssignmentHeader;
  readonly missing: ReadonlySet<number>;
  take(index: number, block: Buffer): Promise<void>;
}

interface Offer {
  readonly assignment: string;
  readonly controller: AbortController;
  readonly manifest: PromiseWithResolvers<Buffer>;
  readonly taker: PromiseWithResolvers<Taker>;
  readonly ended: PromiseWithResolvers<void>;
  receiving: Receiving | undefined;
  /** With the manifest, where this node holds it already, or the session does not carry it. Once. */
  begin: (manifest: Buffer | null) => void;
  /** Of the manifest, in the session's index space; 0: the session does not carry it. */
  manifestBlocks: number;
  wanted: BlockRange[];
  /** Data blocks that are being fetched: the session gives them up over two ways. */
  readonly bringing: Set<number>;
  cancelUntaken: () => void;
  onWanted: (() => void) | undefined;
}

export function createMulticastSource(options: MulticastSourceOptions): MulticastSource {
  const { mctp, clock, log } = options;
  const offers = new Map<string, Offer>();
  const expected = new Map<string, PromiseWithResolvers<Offer | null>>();

  function promised(assignment: string): PromiseWithResolvers<Offer | null> {
    const before = expected.get(assignment);
    if (before !== undefined) return before;
    const promise = Promise.withResolvers<Offer | null>();
    expected.set(assignment, promise);
    const cancel = clock.after(noticeMs, () => promise.resolve(null));
    void promise.promise.then(() => {
      cancel();
      if (expected.get(assignment) === promise) expected.delete(assignment);
    });
    return promise;
  }

  async function offerOf(assignment: string): Promise<Offer> {
    const offer = offers.get(assignment) ?? (await expected.get(assignment)?.promise) ?? null;
    if (offer === null || offer.controller.signal.aborted) throw elsewhere('does not come by multicast');
    return offer;
  }

  function end(offer: Offer, why: string): void {
    if (offers.get(offer.assignment) === offer) offers.delete(offer.assignment);
    offer.cancelUntaken();
    if (offer.controller.signal.aborted) return;
    offer.controller.abort();
    const error = elsewhere(why);
    offer.manifest.reject(error);
    offer.taker.reject(error);
    offer.ended.reject(error);
  }

  function hear(offer: Offer, event: ReceivingEvent): void {
    if (event.type === 'network') log.info({ assignment: offer.assignment }, event.sentence);
    else if (event.type === 'fetch') want(offer, event.blocks);
    else if (event.type === 'complete') offer.ended.resolve();
    else if (event.type === 'failed') end(offer, event.sentence);
    else end(offer, `the session is over for this node (${event.how})`);
  }

  function want(offer: Offer, blocks: readonly BlockRange[] | null): void {
    if (blocks === null) {
      void offer.receiving?.stop();
      end(offer, 'the leader has this node fetch what is missing');
      return;
    }
    offer.wanted = normalRanges([...offer.wanted, ...blocks], blocksMax);
    offer.onWanted?.();
  }

  /** What this node holds already needs no frame; the rest waits for whoever takes it. */
  async function openSink(offer: Offer, manifest: Buffer): Promise<BlockSink> {
    offer.manifest.resolve(manifest);
    const taker = await offer.taker.promise;
    return {
      missing: () => [...taker.missing],
      verify(index, bytes) {
        try {
          verifyBlock(taker.header, index, bytes);
          return true;
        } catch {
          return false;
        }
      },
      write: taker.take,
    };
  }

  async function receive(
    offer: Offer,
    notice: MctpNotice,
    leaderKey: KeyObject,
    manifest: Buffer | null,
  ): Promise<Receiving> {
    const receiving = await mctp.receive(notice, {
      manifest,
      openSink: (whole) => openSink(offer, whole),
      verify: (bytes, signature) => verifyBytes(bytes, signature, leaderKey),
      onEvent: (event) => hear(offer, event),
    });
    offer.receiving = receiving;
    if (offer.controller.signal.aborted) await receiving.stop();
    return receiving;
  }

  async function bringWanted(
    offer: Offer,
    assignment: FetchedAssignment,
    taker: Taker,
    signal: AbortSignal,
  ): Promise<void> {
    const { bringing, wanted } = offer;
    offer.wanted = [];
    const missing: number[] = [];
    eachBlock(wanted, (block) => {
      const index = block - offer.manifestBlocks;
      if (taker.missing.has(index) && !bringing.has(index)) missing.push(index);
    });
    if (missing.length === 0) return;
    for (const index of missing) bringing.add(index);
    await options.beside.blocks(
      assignment,
      taker.header,
      missing,
      async (index, block) => {
        await taker.take(index, block);
        offer.receiving?.written(index);
      },
      signal,
    );
  }

  function leave(): void {
    for (const { resolve } of expected.values()) resolve(null);
    for (const offer of [...offers.values()]) {
      void offer.receiving?.stop();
      end(offer, 'the leader is lost');
    }
  }

  return {
    name: 'multicast',
    expect(assignment) {
      if (expected.size < expectedMax) promised(assignment);
    },
    offered(assignment, notice, leaderKey, answer) {
      const before = offers.get(assignment);
      if (before !== undefined) {
        void before.receiving?.stop();
        end(before, 'the leader offers it anew');
      }
      // What nobody waits for has come, or is coming, another way.
      const isWaitedFor = expected.has(assignment) && offers.size < offersMax;
      if (notice === null || !isWaitedFor || !options.hears()) {
        expected.get(assignment)?.resolve(null);
        if (notice !== null) answer(null);
        return;
      }
      const offer: Offer = {
        assignment,
        controller: new AbortController(),
        manifest: Promise.withResolvers(),
        taker: Promise.withResolvers(),
        ended: Promise.withResolvers(),
        receiving: undefined,
        manifestBlocks: notice.announcement.manifestHashes.length,
        wanted: [],
        bringing: new Set(),
        cancelUntaken: clock.after(takenMs, () => {
          void offer.receiving?.stop();
          end(offer, 'nobody takes it');
        }),
        onWanted: undefined,
        begin(manifest) {
          offer.begin = () => undefined;
          receive(offer, notice, leaderKey, manifest).then(
            ({ lacks }) => answer(lacks),
            (error: unknown) => {
              log.info({ assignment, err: error }, 'this node takes no part in a multicast session');
              end(offer, 'this node cannot take part in the session');
              answer(null);
            },
          );
        },
      };
      // Whoever never asks for it is no reason for a rejection that nobody handles.
      for (const { promise } of [offer.manifest, offer.taker, offer.ended]) promise.catch(() => undefined);
      offers.set(assignment, offer);
      expected.get(assignment)?.resolve(offer);
      const held = options.received(assignment)?.manifest;
      if (held !== undefined) offer.begin(Buffer.from(held));
      else if (offer.manifestBlocks > 0) offer.begin(null);
    },
    fetch(session, blocks) {
      for (const offer of offers.values()) if (offer.receiving?.session === session) want(offer, blocks);
    },
    left: leave,
    async manifest(assignment, signal) {
      const offer = await offerOf(assignment.id);
      if (offer.manifestBlocks === 0)
        offer.begin(Buffer.from(await options.beside.manifest(assignment, signal)));
      const idle = createIdleWatch(clock);
      try {
        return await within(Promise.race([offer.manifest.promise, idle.over]), signal);
      } finally {
        idle.stop();
      }
    },
    async blocks(assignment, header, missing, onBlock, signal) {
      const offer = await offerOf(assignment.id);
      const stop = new AbortController();
      const left = new Set(missing);
      const failed = Promise.withResolvers<never>();
      failed.promise.catch(() => undefined);
      const idle = createIdleWatch(clock);
      let writing: Promise<void> = Promise.resolve();
      const taker: Taker = {
        header,
        missing: left,
        take(index, block) {
          // One at a time; what came both ways counts once.
          const written = writing.then(async () => {
            if (stop.signal.aborted) throw elsewhere('nobody takes it any more');
            if (left.has(index)) await onBlock(index, block);
            left.delete(index);
            idle.again();
            if (left.size === 0) offer.ended.resolve();
          });
          // What cannot be written from here cannot be written from elsewhere.
          writing = written.catch(failed.reject);
          return written;
        },
      };
      const bring = (): void => {
        bringWanted(offer, assignment, taker, AbortSignal.any([signal, stop.signal])).catch(failed.reject);
      };
      offer.onWanted = bring;
      offer.cancelUntaken();
      offer.taker.resolve(taker);
      bring();
      try {
        if (left.size > 0)
          await within(Promise.race([offer.ended.promise, failed.promise, idle.over]), signal);
        await writing;
        if (left.size > 0) throw elsewhere('the session ended and not everything is here');
      } finally {
        stop.abort();
        idle.stop();
        offer.onWanted = undefined;
        if (left.size > 0) {
          void offer.receiving?.stop();
          end(offer, 'it was taken another way');
        } else if (offers.get(offer.assignment) === offer) offers.delete(offer.assignment);
        await writing;
      }
    },
    async close() {
      const stopping = [...offers.values()].flatMap(({ receiving }) => receiving?.stop() ?? []);
      leave();
      await Promise.all(stopping);
    },
  };
}

interface IdleWatch {
  /** Rejects when nothing came for too long. */
  readonly over: Promise<never>;
  again(): void;
  stop(): void;
}

function createIdleWatch(clock: Clock): IdleWatch {
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => undefined);
  let isStopped = false;
  let cancel = begin();

  function begin(): () => void {
    return clock.after(idleMs, () => over.reject(elsewhere('nothing new came for a minute')));
  }

  return {
    over: over.promise,
    again() {
      cancel();
      if (!isStopped) cancel = begin();
    },
    stop() {
      isStopped = true;
      cancel();
    },
  };
}

async function within<T>(coming: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(new TreecastError('ABORTED', 'Staging was stopped.'));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([coming, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The next source may have it. */
function elsewhere(why: string): TreecastError {
  return new TreecastError('CCM_UNREACHABLE', `The assignment is taken another way: ${why}.`);
}
