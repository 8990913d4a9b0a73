// A receiver of a session: which frames are kept, which blocks are complete, and what is said to the sender when. Bytes, hashes and parity are the
// driver's. It never waits for ever: a sender that is not heard any more ends it (MCTP-24).

import type { Instant } from '../machine.ts';
import { isAsked } from '../reports/split-request.ts';
import { countBlocks, eachBlock, normalRanges, rangesWhere } from './block-ranges.ts';
import { createHeldBlocks, type HeldBlock, missingFrames } from './held-blocks.ts';
import type { MctpReceiver, MctpReceiverEffect, MctpReceiverFact } from './mctp-machines.ts';
import {
  type BlockMissing,
  encodeFrameSet,
  type MctpEnd,
  type MctpFetch,
  type MctpStatusRequest,
} from './mctp-messages.ts';
import { type MctpRules, mctpRules } from './mctp-rules.ts';
import { createMctpLayout, frameHeaderBytes, type MctpSession } from './mctp-session.ts';
import { type MctpTiming, mctpTiming } from './mctp-timing.ts';
import { createNumberWindow } from './number-window.ts';
import { splitStatus } from './split-status.ts';

export interface MctpReceiverOptions {
  readonly now: Instant;
  readonly node: string;
  /** Judged by `sessionProblem` before. */
  readonly session: MctpSession;
  /** Blocks that are there already, verified and durable. */
  readonly has: (block: number) => boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly timing?: MctpTiming;
  readonly rules?: MctpRules;
}

const wanted = 0;
const assembled = 1;
const verified = 2;
const forged = 3;
const fetching = 4;

/** After so many times a block is asked for by its frames, whatever repairs it: its parity may be used up. */
const namedAfter = 4;
/** Statuses about losses that need no repair are so much rarer. */
const newsGaps = 3;
const fruitlessMax = 5;

export function createMctpReceiver(options: MctpReceiverOptions): MctpReceiver {
  const { node, session, random, rules = mctpRules, timing = mctpTiming } = options;
  const { repair, receivers } = session;
  const layout = createMctpLayout(session);
  const effects: MctpReceiverEffect[] = [];
  const held = createHeldBlocks();
  const numbers = createNumberWindow();
  const states = new Uint8Array(layout.blocks);
  /** Blocks whose frames a list of digests names. */
  const dataOnly = new Set<number>();
  /** Of these the digests came while the block was being verified. */
  const judgedAnew = new Set<number>();
  let verifiedCount = 0;
  let assembledCount = 0;
  /** All blocks below have been verified. */
  let firstMissing = 0;
  /** All blocks below have been sent, as far as it knows. */
  let frontier = 0;
  /** The block whose frames are coming in. */
  let run = -1;
  let round = 0;
  let state: 'receiving' | 'complete' | 'failed' | 'over' = 'receiving';
  let reason = '';
  let heardAt = options.now;
  let frameAt = options.now;
  let isQuiet = true;
  let sayAt: Instant | undefined;
  let saidAt = options.now;
  let lostSaid = 0;
  let heardSaid = 0;
  /** Statuses since the last frame. */
  let fruitless = 0;
  let firstNumber = 0;
  /** What comes in, in bytes a millisecond, and the measurement under way. */
  let bytesPerMs = 0;
  let measuredAt = options.now;
  let measuredBytes = 0;

  for (let block = 0; block < layout.blocks; block += 1) {
    if (!options.has(block)) continue;
    states[block] = verified;
    verifiedCount += 1;
  }

  const tell = (fact: MctpReceiverFact): void => void effects.push({ effect: 'deliver', fact });
  const gapMs = (): number => rules.statusGapMs(timing, receivers, bytesPerMs) * (0.5 + random());
  const spreadMs = (): number => rules.spreadMs(timing, receivers) * random();
  const lost = (): number => Math.max(0, numbers.highest() - firstNumber + 1 - numbers.heard());

  function sayBy(at: Instant): void {
    if (sayAt === undefined || at < sayAt) sayAt = at;
  }

  function finish(how: 'complete' | 'unicast' | 'failed' | 'abandoned'): void {
    if (state === 'over') return;
    state = 'over';
    sayAt = undefined;
    tell({ fact: 'ended', how });
  }

  function checkComplete(now: Instant): void {
    while (states[firstMissing] === verified) firstMissing += 1;
    if (state !== 'receiving' || !rules.isComplete(layout.blocks, verifiedCount, assembledCount)) return;
    state = 'complete';
    tell({ fact: 'complete' });
    sayAt = now + spreadMs();
  }

  function drop(block: number): void {
    held.remove(block);
    tell({ fact: 'dropped', block });
  }

  /** Undefined: there is no room for it. */
  function hold(block: number): HeldBlock | undefined {
    // Without the manifest nothing is verified, and no room becomes free.
    if (block >= layout.manifestBlocks && !rules.mayHold(timing, held.count() + assembledCount)) {
      const farthest = held.farthest();
      if (farthest === undefined || farthest.block < block) return undefined;
      drop(farthest.block);
    }
    return held.begin(block);
  }

  function assemble(part: HeldBlock): void {
    const { block, dataHeld } = part;
    if (!rules.isAssembled(repair, dataOnly.has(block), layout.frames(block), dataHeld, part.held)) return;
    held.remove(block);
    states[block] = assembled;
    assembledCount += 1;
    tell({ fact: 'assembled', block });
  }

  /** The frames of a block have passed. */
  function passed(now: Instant, block: number): void {
    run = -1;
    const isOwed = block < 0 || states[block] === wanted;
    if (isOwed) sayBy(Math.max(now, saidAt + gapMs()));
    else if (lost() > lostSaid) sayBy(Math.max(now, saidAt + newsGaps * gapMs()));
  }

  function measure(now: Instant, bytes: number): void {
    measuredBytes += bytes;
    const elapsedMs = now - measuredAt;
    if (elapsedMs < 20) return;
    const current = measuredBytes / elapsedMs;
    bytesPerMs = bytesPerMs === 0 ? current : 0.7 * bytesPerMs + 0.3 * current;
    measuredAt = now;
    measuredBytes = 0;
  }

  /** What it misses of a block of which it holds something. */
  function missingOf(part: HeldBlock): BlockMissing {
    const { block } = part;
    const frames = layout.frames(block);
    const isNamed = repair === 'arq' || dataOnly.has(block) || part.asked > namedAfter;
    const lacks = frames - (repair === 'arq' || dataOnly.has(block) ? part.dataHeld : part.held);
    return { block, lacks, frames: isNamed ? encodeFrameSet(missingFrames(part, frames), frames) : null };
  }

  function say(now: Instant): void {
    const asOf = numbers.highest();
    const missing: BlockMissing[] = [];
    const forgedBlocks: number[] = [];
    let absent = normalRanges([], 0);
    if (state === 'receiving') {
      for (const part of held.all()) {
        if (part.block === run) continue;
        const heardSince = part.lastNumber > part.askedNumber;
        if (round === 0 && !rules.isAskedAgain(timing, now, part.askedAt, heardSince)) continue;
        part.asked += 1;
        part.askedAt = now;
        part.askedNumber = asOf;
        missing.push(missingOf(part));
      }
      const upTo = rules.absentUpTo(frontier);
      absent = rangesWhere(
        upTo,
        (block) => states[block] === wanted && block !== run && held.get(block) === undefined,
        firstMissing,
      );
      for (let block = firstMissing; block < frontier; block += 1)
        if (states[block] === forged) forgedBlocks.push(block);
    }
    const isOwed = missing.length + absent.length + forgedBlocks.length > 0;
    if (!isOwed && round === 0 && state === 'receiving' && lost() <= lostSaid) return;
    const head = {
      ...({ type: 'status', session: session.session, round, reason, asOf, heard: numbers.heard() } as const),
      state: state === 'over' ? ('gone' as const) : state,
    };
    for (const message of splitStatus(head, { missing, absent, forged: forgedBlocks }))
      effects.push({ effect: 'send', to: { node: session.sender }, message });
    saidAt = now;
    lostSaid = lost();
    round = 0;
    // MCTP-15: who hears nothing at all asks less and less often by itself.
    fruitless = numbers.heard() === heardSaid ? Math.min(fruitless + 1, fruitlessMax) : 0;
    heardSaid = numbers.heard();
    if (isOwed) sayBy(now + Math.max(timing.retryMs * 2 ** fruitless * (1 + random()), gapMs()));
  }

  function asked(now: Instant, request: MctpStatusRequest): void {
    heardAt = now;
    if (request.upTo > frontier) frontier = Math.min(request.upTo, layout.blocks);
    if (!isAsked(node, request.asked)) return;
    numbers.raise(request.number);
    run = -1;
    round = Math.max(round, request.round);
    sayBy(now + Math.min(request.spreadMs, timing.answerMaxMs) * random());
  }

  /** Blocks come another way from now on. */
  function fetch(now: Instant, message: MctpFetch): void {
    heardAt = now;
    if (state !== 'receiving') return;
    if (message.blocks === null) {
      tell({ fact: 'fetch', blocks: null });
      finish('unicast');
      return;
    }
    const blocks: number[] = [];
    eachBlock(normalRanges(message.blocks, layout.blocks), (block) => {
      if (states[block] !== wanted && states[block] !== forged) return;
      if (held.get(block) !== undefined) drop(block);
      states[block] = fetching;
      blocks.push(block);
    });
    const taken = new Set(blocks);
    if (blocks.length > 0)
      tell({ fact: 'fetch', blocks: rangesWhere(layout.blocks, (block) => taken.has(block)) });
  }

  function ended(now: Instant, _message: MctpEnd): void {
    heardAt = now;
    if (state === 'complete' || state === 'failed') finish(state);
    else finish(isOnlyFetching() ? 'unicast' : 'abandoned');
  }

  function isOnlyFetching(): boolean {
    return (
      countBlocks(rangesWhere(layout.blocks, (block) => states[block] === fetching)) + verifiedCount ===
      layout.blocks
    );
  }

  checkComplete(options.now);

  return {
    frame(now, { block, sequence, number, isLast }) {
      if (state === 'over') return false;
      heardAt = now;
      frameAt = now;
      isQuiet = false;
      if (firstNumber === 0) firstNumber = number;
      numbers.add(number);
      if (block >= layout.blocks) return false;
      const frames = layout.frames(block);
      if (sequence >= frames + layout.parityMax(block)) return false;
      measure(now, layout.payloadBytes(block, sequence) + frameHeaderBytes);
      if (state !== 'receiving') return false;
      const before = run;
      run = block;
      if (before !== block && before >= 0) passed(now, before);
      run = block;
      if (block >= frontier) {
        if (block > frontier) passed(now, -1);
        run = block;
        frontier = block + 1;
      }
      let isKept = false;
      const isData = sequence < frames;
      if (states[block] === wanted && (isData || (repair === 'fec' && !dataOnly.has(block)))) {
        const part = held.get(block) ?? hold(block);
        if (part !== undefined) {
          part.lastNumber = Math.max(part.lastNumber, number);
          if (part.have[sequence] === 0) {
            isKept = true;
            part.have[sequence] = 1;
            part.held += 1;
            if (isData) part.dataHeld += 1;
            assemble(part);
          }
        }
      }
      if (isLast) passed(now, block);
      return isKept;
    },

    missing: () => layout.blocks - verifiedCount,

    handle(now, input) {
      if (state === 'over') return;
      switch (input.input) {
        case 'message': {
          const { message } = input;
          if (!rules.isMine(session.session, message.session)) return;
          if (message.type === 'status-request') asked(now, message);
          else if (message.type === 'fetch') fetch(now, message);
          else ended(now, message);
          return;
        }
        case 'verified':
          if (input.block >= layout.blocks || states[input.block] === verified) return;
          if (states[input.block] === assembled) assembledCount -= 1;
          if (held.get(input.block) !== undefined) drop(input.block);
          states[input.block] = verified;
          verifiedCount += 1;
          checkComplete(now);
          return;
        case 'forged':
          if (states[input.block] !== assembled) return;
          assembledCount -= 1;
          // MCTP-31: digests name the sender's own frames; when these have not the signed hash, frames will not do.
          if (judgedAnew.delete(input.block)) {
            states[input.block] = wanted;
            hold(input.block);
            sayBy(now + spreadMs());
            return;
          }
          if (dataOnly.has(input.block)) {
            states[input.block] = fetching;
            tell({ fact: 'fetch', blocks: [{ from: input.block, to: input.block + 1 }] });
            return;
          }
          states[input.block] = forged;
          sayBy(now + spreadMs());
          return;
        case 'digests': {
          const { block, kept } = input;
          if (block >= layout.blocks || dataOnly.has(block)) return;
          dataOnly.add(block);
          if (states[block] === assembled) judgedAnew.add(block);
          if (states[block] !== wanted && states[block] !== forged) return;
          states[block] = wanted;
          held.remove(block);
          const part = hold(block);
          if (part === undefined) return;
          for (const sequence of kept) part.have[sequence] = 1;
          part.held = kept.length;
          part.dataHeld = kept.length;
          assemble(part);
          sayBy(now + spreadMs());
          return;
        }
        case 'failed':
          if (state !== 'receiving') return;
          state = 'failed';
          reason = input.reason.slice(0, reasonMax);
          tell({ fact: 'failed' });
          sayAt = now + spreadMs();
          return;
      }
    },

    onTimeout(now) {
      if (state === 'over') return;
      if (state === 'receiving') {
        if (rules.isAbandoned(timing, now, heardAt)) {
          finish(isOnlyFetching() ? 'unicast' : 'abandoned');
          return;
        }
      } else if (sayAt === undefined && now >= heardAt + timing.lingerMs) {
        finish(state);
        return;
      }
      if (!isQuiet && now >= frameAt + timing.quietMs) {
        isQuiet = true;
        run = -1;
        if (state === 'receiving' && firstMissing < frontier) sayBy(now + spreadMs());
      }
      if (sayAt === undefined || sayAt > now) return;
      sayAt = undefined;
      say(now);
    },

    pollEffect: () => effects.shift(),

    nextTimeout() {
      if (state === 'over') return undefined;
      const times: Instant[] = [];
      if (sayAt !== undefined) times.push(sayAt);
      if (state === 'receiving') times.push(heardAt + timing.silenceMs);
      // Who has something to say says it first.
      else if (sayAt === undefined) times.push(heardAt + timing.lingerMs);
      if (!isQuiet) times.push(frameAt + timing.quietMs);
      return Math.min(...times);
    },
  };
}

const reasonMax = 40;
