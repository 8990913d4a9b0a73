// Looks at the sources that are fetched from, four times a second: one that is silent, that gives no whole block, or far less than another, is asked whether
// it is alive and what it holds (TREE-47, TREE-48). A source that has no more than this node is waited for, so long: it is looking for another source itself.

import { blockCount } from '../../assignment/block-layout.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import type { SourceTrouble } from '../../model/tree-messages.ts';
import type { Clock } from '../../net/clock.ts';
import type { TlsCredentials } from '../../net/tls/tls-settings.ts';
import { partOf } from '../../protocol/tree/tree-parts.ts';
import type { BlockIntake } from '../leader/content-supply.ts';
import { type ProbeAnswer, probeSource } from './probe-source.ts';
import type { SourceFeed } from './source-feed.ts';
import type { TreeTimes } from './tree-supply.ts';

export interface SourceWatch {
  start(): void;
  stop(): void;
}

export interface SourceWatchOptions {
  readonly assignment: string;
  readonly credentials: () => TlsCredentials;
  readonly clock: Clock;
  readonly times: TreeTimes;
  readonly ticket: () => string;
  readonly feeds: () => readonly SourceFeed[];
  /** Undefined while the manifest is awaited. */
  readonly intake: () => { readonly header: AssignmentHeader; readonly intake: BlockIntake } | undefined;
  readonly onTick: () => void;
}

/** What is known of one source. */
interface Watched {
  /** What had come when, the oldest first. */
  readonly samples: { readonly at: number; readonly bytes: number }[];
  askedAt: number;
  isAsked: boolean;
}

const tickMs = 250;
/** A source that gives so many times less than another. */
const slowTimes = 4;
/** Rates below this say nothing of anybody. */
const rateMin = 65_536;
/** A source that has so many blocks more is not waiting for them itself. */
const aheadBlocks = 8;
/** Limits may let a block through in longer than `blockMs`: with each source that gave none in time the next has twice as long, up to so many times. */
const patienceMax = 16;

export function createSourceWatch(options: SourceWatchOptions): SourceWatch {
  const { clock, times } = options;
  const watched = new WeakMap<SourceFeed, Watched>();
  /** Each is called slow by its rate once (TREE-48). */
  const compared = new Set<string>();
  let patience = 1;
  let cancel: (() => void) | undefined;
  let stopped = new AbortController();

  function watchedOf(feed: SourceFeed): Watched {
    const known = watched.get(feed);
    if (known !== undefined) return known;
    const made: Watched = { samples: [], askedAt: Number.NEGATIVE_INFINITY, isAsked: false };
    watched.set(feed, made);
    return made;
  }

  /** Bytes a second of the last while; undefined: too short. */
  function rateOf(feed: SourceFeed): number | undefined {
    const [oldest] = watchedOf(feed).samples;
    if (oldest === undefined) return undefined;
    const ms = clock.now() - oldest.at;
    return ms < times.rateMs ? undefined : ((feed.bytes() - oldest.bytes) * 1_000) / ms;
  }

  function sample(feed: SourceFeed, now: number): void {
    const { samples } = watchedOf(feed);
    samples.push({ at: now, bytes: feed.bytes() });
    while (samples.length > 1 && now - (samples[1]?.at ?? now) >= times.rateMs) samples.shift();
  }

  function isSilent(feed: SourceFeed, now: number): boolean {
    const since = feed.waitingSince();
    if (since === undefined) return false;
    return now - since >= times.silentMs || isDropping(feed, now);
  }

  function isDropping(feed: SourceFeed, now: number): boolean {
    return now - feed.lastBlockAt() >= times.blockMs * patience;
  }

  function isFarBehind(feed: SourceFeed, all: readonly SourceFeed[]): boolean {
    const rate = rateOf(feed);
    if (rate === undefined || compared.has(nameOf(feed))) return false;
    return all.some((other) => {
      const theirs = other === feed ? undefined : rateOf(other);
      return theirs !== undefined && theirs > rateMin && theirs > rate * slowTimes;
    });
  }

  async function ask(feed: SourceFeed, judge: (answer: ProbeAnswer) => SourceTrouble | null): Promise<void> {
    const { place } = feed.source;
    const of = watchedOf(feed);
    if (place === null || of.isAsked || clock.now() - of.askedAt < times.silentMs) return;
    of.isAsked = true;
    const before = feed.bytes();
    const answer = await probeSource({
      url: feed.line.url(options.assignment, 'held'),
      node: place.node,
      ticket: options.ticket(),
      credentials: options.credentials(),
      timeoutMs: times.probeMs,
      signal: stopped.signal,
    });
    of.isAsked = false;
    of.askedAt = clock.now();
    if (stopped.signal.aborted || feed.isOver()) return;
    // What came meanwhile speaks for itself.
    if (answer === 'dead' && feed.bytes() > before) return;
    const trouble = judge(answer);
    if (trouble !== null) feed.giveUp(trouble);
  }

  function judgeSilence(feed: SourceFeed): (answer: ProbeAnswer) => SourceTrouble | null {
    return (answer) => {
      const isStarving = clock.now() - feed.lastBlockAt() >= times.starveMs;
      if (typeof answer === 'string') {
        if (answer === 'nothing' && isStarving) return 'lacks';
        return answer === 'lacks' && feed.mayNotKnow() ? null : troubleOf(answer);
      }
      // What is on its way counts as given: it is judged by the second answer.
      const since = feed.waitingSince();
      const isLong = since !== undefined && clock.now() - since >= 2 * times.silentMs;
      if (!isLong && !isDropping(feed, clock.now())) return null;
      const of = options.intake();
      const hasMore =
        of === undefined || feed.awaited().some((index) => answer.has(index) && !of.intake.has(index));
      if (!hasMore) return isStarving ? 'lacks' : null;
      if (!isLong) patience = Math.min(2 * patience, patienceMax);
      return 'slow';
    };
  }

  function judgeRate(feed: SourceFeed): (answer: ProbeAnswer) => SourceTrouble | null {
    return (answer) => {
      const of = options.intake();
      if (typeof answer === 'string' || of === undefined) return null;
      let ahead = 0;
      const blocks = blockCount(of.header);
      for (let index = 0; index < blocks; index++) {
        const isOurs = partOf(index, blocks, feed.source.parts) === feed.source.part;
        if (isOurs && !of.intake.has(index) && answer.has(index)) ahead += 1;
      }
      if (ahead < aheadBlocks) return null;
      compared.add(nameOf(feed));
      return 'slow';
    };
  }

  function tick(): void {
    const now = clock.now();
    const alive = options.feeds().filter((feed) => !feed.isOver());
    for (const feed of alive) sample(feed, now);
    for (const feed of alive) {
      if (isSilent(feed, now)) void ask(feed, judgeSilence(feed));
      else if (isFarBehind(feed, alive)) void ask(feed, judgeRate(feed));
    }
    options.onTick();
    if (cancel !== undefined) cancel = clock.after(tickMs, tick);
  }

  return {
    start() {
      stopped = new AbortController();
      cancel ??= clock.after(tickMs, tick);
    },
    stop() {
      stopped.abort();
      cancel?.();
      cancel = undefined;
    },
  };
}

function nameOf(feed: SourceFeed): string {
  return feed.source.place?.node ?? '';
}

function troubleOf(answer: Exclude<ProbeAnswer, object>): SourceTrouble | null {
  if (answer === 'dead') return 'unreachable';
  return answer === 'nothing' ? null : answer;
}
