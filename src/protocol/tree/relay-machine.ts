// One leader's part in an assignment's way down the tree: takes hand-outs, says what it holds, asks whom to notify next, and says when a source fails.
// Fetching, verifying, serving and notifying are its driver's.

import type { SourceTrouble, TreeState } from '../../model/tree-messages.ts';
import type { Instant } from '../machine.ts';
import type { RelayEffect, RelayMachine, SourceChoice } from './tree-machines.ts';
import { treeTiming } from './tree-timing.ts';

export interface RelayOptions {
  /** Its own name. */
  readonly node: string;
  /** How many its uplink bears at a time; 0: it only fetches. */
  readonly room: number;
}

type Unreached = Extract<RelayEffect, { readonly effect: 'askNext' }>['unreached'][number];

const { expectMs, answerMs, sourceMs, beginMs, againMs, repeatMaxMs } = treeTiming;

export function createRelayMachine(options: RelayOptions): RelayMachine {
  const { node } = options;
  const effects: RelayEffect[] = [];
  let state: TreeState = 'waiting';
  let isOver = false;
  let isUp = true;
  let mayForward = true;
  let number = 0;
  let sources: readonly SourceChoice[] = [];
  let heldBlocks = 0;
  /** A hand-out that says nothing new is answered again from then on. */
  let answerAgainAt: Instant = 0;

  /** A hand-out is expected until then. */
  let expect: { at: Instant; tries: number } | undefined;
  let asked: 'never' | 'asking' | 'answered' = 'never';
  let askAt: Instant | undefined;
  let more: 'later' | 'none' = 'later';
  /** What it has said and has no other sources for yet. */
  const lost = new Map<string | null, { trouble: SourceTrouble; at: Instant; tries: number }>();
  const notifying = new Set<string>();
  /** Notified, and not begun to fetch: until then their place is kept. */
  const begin = new Map<string, Instant>();
  const served = new Set<string>();
  let unreached: Unreached[] = [];

  const later = (now: Instant, ms: number, tries: number): Instant =>
    now + Math.min(repeatMaxMs, ms * 2 ** tries);

  function sayState(): void {
    effects.push({ effect: 'sayState', state, number, heldBlocks });
  }

  function onExpected(now: Instant): void {
    if (isOver || state === 'failed') resume();
    if (number === 0 && state === 'waiting') expect = { at: now + expectMs, tries: 0 };
    // TREE-41: who has nothing to say is taken to wait.
    if (state !== 'waiting' || heldBlocks > 0) sayState();
    sayAgain(now);
  }

  /** What was not answered, and may not have been heard. */
  function sayAgain(now: Instant): void {
    if (asked === 'asking') ask(now);
    for (const [source, { trouble }] of lost) sayLost(source, trouble);
  }

  /** It ended, or failed, and is wanted after all. */
  function resume(): void {
    isOver = false;
    if (asked === 'answered') asked = 'never';
    if (state === 'held') return;
    state = number > 0 ? 'fetching' : 'waiting';
    if (number > 0) effects.push({ effect: 'fetch', sources });
  }

  function onHandOut(now: Instant, given: { number: number; sources: readonly SourceChoice[] }): void {
    if (given.number < number) return;
    if (given.sources.some((source) => source.node === node)) {
      effects.push({ effect: 'log', event: 'hand-out names its own leader as source', data: { number } });
      return;
    }
    // Brought a second time: the CCM has not heard of the first. Anybody may bring it as often as it likes.
    if ((given.number === number && sources.length > 0) || state === 'failed') {
      if (now < answerAgainAt) return;
      answerAgainAt = now + againMs;
      sayState();
      return;
    }
    number = given.number;
    sources = given.sources;
    expect = undefined;
    lost.clear();
    if (isOver && asked === 'answered') asked = 'never';
    isOver = false;
    if (state === 'held') {
      sayState();
      return;
    }
    state = 'fetching';
    effects.push({ effect: 'fetch', sources });
    // The first one shows by the question for the next.
    if (asked !== 'never') sayState();
    else if (heldBlocks > 0) ask(now);
  }

  function onProgress(now: Instant, held: number, of: number): void {
    heldBlocks = held;
    if (state === 'failed') return;
    if (held < of) {
      if (asked === 'never') ask(now);
      return;
    }
    if (state === 'held') return;
    state = 'held';
    expect = undefined;
    lost.clear();
    sayState();
    if (asked === 'never') ask(now);
  }

  const roomNow = (): number => Math.max(0, options.room - notifying.size - begin.size - served.size);

  function ask(now: Instant): void {
    askAt = undefined;
    const isFit = state === 'fetching' || state === 'held';
    // What only removes files has no block: its manifest is all.
    const hasSome = heldBlocks > 0 || state === 'held';
    if (!mayForward || !hasSome || number === 0 || !isFit) {
      if (asked === 'asking') asked = 'never';
      return;
    }
    const isFirst = asked === 'never';
    asked = 'asking';
    if (options.room === 0) {
      asked = 'answered';
      more = 'none';
      if (isFirst && state === 'fetching') sayState();
      return;
    }
    askAt = now + answerMs;
    effects.push({ effect: 'askNext', heldBlocks, room: roomNow(), unreached: [...unreached] });
  }

  function onAnswer(now: Instant, next: readonly string[], isMore: 'later' | 'none'): void {
    asked = 'answered';
    askAt = undefined;
    more = isMore;
    unreached = [];
    for (const each of next) {
      if (each === node || notifying.has(each) || begin.has(each) || served.has(each)) continue;
      if (notifying.size + begin.size + served.size >= options.room) break;
      notifying.add(each);
      effects.push({ effect: 'notify', node: each });
    }
    // Nobody for now: at once the answer would be the same.
    if (next.length === 0 && isAtRest()) askAt = now + answerMs;
    askAgain(now);
  }

  function onNotified(now: Instant, child: string, outcome: 'accepted' | 'unreachable' | 'refused'): void {
    if (!notifying.delete(child)) return;
    if (outcome !== 'accepted') unreached.push({ node: child, trouble: outcome });
    else if (!served.has(child)) begin.set(child, now + beginMs);
    askAgain(now);
  }

  /** TREE-43: when all it serves are done, or when somebody could not be notified. */
  function askAgain(now: Instant): void {
    if (asked !== 'answered' || notifying.size > 0) return;
    if (unreached.length > 0 || (isAtRest() && askAt === undefined)) ask(now);
  }

  /** It holds all, nobody fetches from it, and there may be more. */
  function isAtRest(): boolean {
    return more === 'later' && begin.size + served.size === 0 && state === 'held';
  }

  function onServing(now: Instant, child: string, isServed: boolean): void {
    begin.delete(child);
    if (isServed) served.add(child);
    else served.delete(child);
    if (!isServed) askAgain(now);
  }

  function onSourceFailed(now: Instant, source: string | null, trouble: SourceTrouble): void {
    if (state !== 'fetching' || !sources.some((each) => each.node === source)) return;
    if (lost.has(source)) return;
    lost.set(source, { trouble, at: later(now, sourceMs, 0), tries: 1 });
    sayLost(source, trouble);
  }

  /** TREE-40: it may have come back; what was corrupt is not fetched again. */
  function retryLost(now: Instant): void {
    let isRetried = false;
    for (const [source, word] of lost) {
      if (word.at > now) continue;
      word.at = later(now, sourceMs, word.tries);
      word.tries += 1;
      if (word.trouble === 'corrupt') sayLost(source, word.trouble);
      else isRetried = lost.delete(source);
    }
    if (isRetried)
      effects.push({ effect: 'fetch', sources: sources.filter(({ node: each }) => !lost.has(each)) });
  }

  function sayLost(source: string | null, trouble: SourceTrouble): void {
    effects.push({ effect: 'sayLost', number, source, trouble, heldBlocks });
  }

  function onLink(now: Instant, isNowUp: boolean): void {
    isUp = isNowUp;
    if (!isUp) return;
    if (state !== 'waiting' || heldBlocks > 0 || number > 0) sayState();
    sayAgain(now);
    // A place may have come free meanwhile.
    askAgain(now);
  }

  function onVanished(now: Instant): void {
    heldBlocks = 0;
    // Unless the answer comes after all, it asks again with the first blocks.
    if (asked === 'asking') asked = 'never';
    askAt = undefined;
    if (isOver) {
      // Nobody needs it now; but who expects it once more is not to take it for held.
      if (state === 'held') state = 'waiting';
      sources = [];
      return;
    }
    if (state !== 'held' && state !== 'fetching') return;
    // Those from which it had all may depend on it by now (TREE-27): the CCM names others.
    if (state === 'held') sources = [];
    state = 'fetching';
    effects.push({ effect: 'fetch', sources });
    if (sources.length === 0) expect = { at: now + expectMs, tries: 0 };
    sayState();
  }

  function end(): void {
    isOver = true;
    expect = undefined;
    askAt = undefined;
    if (asked === 'asking') asked = 'answered';
    more = 'none';
    lost.clear();
    unreached = [];
    if (state !== 'fetching') return;
    state = 'waiting';
    effects.push({ effect: 'fetch', sources: [] });
  }

  function onFailed(): void {
    if (state === 'failed') return;
    const wasFetching = state === 'fetching';
    end();
    isOver = false;
    state = 'failed';
    if (!wasFetching) effects.push({ effect: 'fetch', sources: [] });
    sayState();
  }

  return {
    get state() {
      return state;
    },

    handle(now, input) {
      if (isOver && !['expected', 'handOut', 'serving', 'link', 'vanished'].includes(input.input)) return;
      switch (input.input) {
        case 'expected':
          return onExpected(now);
        case 'handOut':
          return onHandOut(now, input);
        case 'progress':
          return onProgress(now, input.heldBlocks, input.blocks);
        case 'sourceFailed':
          return onSourceFailed(now, input.source, input.trouble);
        case 'failed':
          return onFailed();
        case 'answer':
          return onAnswer(now, input.next, input.more);
        case 'notified':
          return onNotified(now, input.node, input.outcome);
        case 'serving':
          return onServing(now, input.node, input.isServed);
        case 'link':
          return onLink(now, input.isUp);
        case 'mayForward':
          mayForward = input.may;
          if (asked === 'never') ask(now);
          else askAgain(now);
          return;
        case 'vanished':
          return onVanished(now);
        case 'ended':
          return end();
      }
    },

    onTimeout(now) {
      for (const [child, at] of begin) if (at <= now) begin.delete(child);
      retryLost(now);
      if (!isUp) return;
      if (expect !== undefined && expect.at <= now) {
        expect = { at: later(now, expectMs, expect.tries + 1), tries: expect.tries + 1 };
        sayLost(null, 'none');
      }
      if (askAt !== undefined && askAt <= now) ask(now);
      askAgain(now);
    },

    pollEffect: () => effects.shift(),

    nextTimeout() {
      const times = [...begin.values(), ...[...lost.values()].map(({ at }) => at)];
      if (isUp) {
        if (expect !== undefined) times.push(expect.at);
        if (askAt !== undefined) times.push(askAt);
      }
      return times.length === 0 ? undefined : Math.min(...times);
    },
  };
}
