// Brings one assignment into the relay store down the tree (TREE-45 to TREE-50): from the sources that the hand-out names, side by side, each for its part;
// what members hold first; and from the CCM by a message's ticket when the tree gives nothing. Which sources are used is for the machine to say.

import { blockCount } from '../../assignment/block-layout.ts';
import type { Manifest } from '../../assignment/read-manifest.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import type { SourceTrouble, TransferFigures } from '../../model/tree-messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { Pace } from '../../net/rate/pacer.ts';
import type { TlsCredentials } from '../../net/tls/tls-settings.ts';
import type { ContentFetcher } from '../leader/content-fetcher.ts';
import type { BlockIntake, ContentSupply } from '../leader/content-supply.ts';
import { createSourceFeed, type PlacedSource, type SourceFeed } from './source-feed.ts';
import type { SourceLines } from './source-lines.ts';
import { createSourceWatch } from './source-watch.ts';

export interface TreeSupply extends ContentSupply {
  /** Replaces what it fetches from: equal sources go on, others end. */
  use(sources: readonly PlacedSource[]): void;
  /** The newest, for whatever is asked for from now on. */
  useTicket(ticket: string): void;
  /** What brings it when the tree does not. */
  fallBackTo(supply: ContentSupply, ticket: string): void;
  /** It is to come down the tree (again). */
  expect(): void;
  /** Nobody needs it any more: what is under way ends, from wherever it comes. A message that brings it later is another word. */
  end(): void;
  /** Of what runs as of now. */
  figures(): readonly TransferFigures[];
}

export interface TreeTimes {
  /** No byte for so long: the source is asked whether it is alive. */
  readonly silentMs: number;
  readonly probeMs: number;
  /** No whole block for so long, from a source that has some. */
  readonly blockMs: number;
  /** No whole block for so long, from one that has no more: it lacks what it should have. */
  readonly starveMs: number;
  /** Over so long rates are compared. */
  readonly rateMs: number;
  /** A source that was never heard of it may hear of it so long. */
  readonly unknownMs: number;
  /** Without a source for so long, and as long again as all of it takes at 10 Mbit/s: the CCM. */
  readonly fallBackMs: number;
}

export interface TreeSupplyOptions {
  readonly assignment: string;
  readonly manifestBytes: number;
  readonly dataBytes: number;
  readonly lines: SourceLines;
  readonly fromMembers: ContentFetcher['fromMembers'];
  readonly credentials: () => TlsCredentials;
  readonly clock: Clock;
  readonly times: TreeTimes;
  readonly pace: () => Pace;
  /** Verified blocks are here. */
  readonly onProgress: (heldBlocks: number, blocks: number) => void;
  readonly onTrouble: (source: PlacedSource, trouble: SourceTrouble) => void;
}

/** What the store waits for. */
type Demand = { readonly fail: (error: unknown) => void; readonly signal: AbortSignal } & (
  | {
      readonly what: 'manifest';
      readonly read: (bytes: Uint8Array) => Manifest;
      readonly give: (manifest: Manifest) => void;
    }
  | {
      readonly what: 'blocks';
      readonly header: AssignmentHeader;
      readonly intake: BlockIntake;
      readonly give: () => void;
    }
);

const figuresMax = 32;
const patientBytesPerMs = 1_250;

export function createTreeSupply(options: TreeSupplyOptions): TreeSupply {
  const { assignment, lines, clock, times } = options;
  const patienceMs = times.fallBackMs + (options.manifestBytes + options.dataBytes) / patientBytesPerMs;
  const over: TransferFigures[] = [];
  let feeds: SourceFeed[] = [];
  let ticket = '';
  let demand: Demand | undefined;
  let demandSince = 0;
  /** While they give nothing is asked of the sources. */
  let members: 'to be asked' | 'asked' | 'giving' | 'done' = 'to be asked';
  let fromMembers = 0;
  let fallback: ContentSupply | undefined;
  let falling: AbortController | undefined;
  let hasEnded = false;
  let idleSince = clock.now();
  const watch = createSourceWatch({
    ...options,
    feeds: () => (demand === undefined ? [] : feeds),
    intake: () => (demand?.what === 'blocks' ? demand : undefined),
    ticket: () => ticket,
    onTick: pump,
  });

  function note(feed: SourceFeed): void {
    const figures = feed.figures();
    if (figures.bytes > 0) over.push(figures);
    if (over.length > figuresMax) over.shift();
  }

  function stop(feed: SourceFeed): void {
    if (feed.isOver()) return;
    feed.stop();
    note(feed);
  }

  function begunAnew(feed: SourceFeed): SourceFeed {
    if (feed.isOver()) return feed;
    stop(feed);
    return createFeed(feed.source);
  }

  function createFeed(source: PlacedSource): SourceFeed {
    const feed: SourceFeed = createSourceFeed({
      source,
      line: lines.to(source.place),
      assignment,
      ticket: () => ticket,
      clock,
      unknownMs: times.unknownMs,
      pace: options.pace,
      onDone() {
        if (feed.isOver()) note(feed);
        pump();
      },
      onTrouble(trouble) {
        note(feed);
        options.onTrouble(source, trouble);
        pump();
      },
      onFatal: (error) => demand?.fail(error),
    });
    return feed;
  }

  /** Whatever can be begun now is begun. */
  function pump(): void {
    if (demand === undefined) return;
    const alive = feeds.filter((feed) => !feed.isOver());
    if (demand.what === 'blocks' && demand.intake.missing().length === 0) {
      demand.give();
      return;
    }
    if (alive.length === 0) {
      if (hasEnded || clock.now() - idleSince >= patienceMs) fallBack(demand);
      return;
    }
    idleSince = clock.now();
    falling?.abort();
    if (demand.what === 'manifest') takeManifest(demand, alive);
    else takeBlocks(demand, alive);
  }

  /** From the first source; when it is silent, from whoever gives it. */
  function takeManifest({ read, give }: Demand & { what: 'manifest' }, alive: readonly SourceFeed[]): void {
    const asked = clock.now() - demandSince < times.silentMs ? alive.slice(0, 1) : alive;
    for (const feed of asked) feed.takeManifest(options.manifestBytes, (bytes) => give(read(bytes)));
  }

  function takeBlocks(wanted: Demand & { what: 'blocks' }, alive: readonly SourceFeed[]): void {
    if (members === 'to be asked') {
      members = 'asked';
      const { header, intake, signal } = wanted;
      options
        .fromMembers({ id: assignment, ticket }, header, intake, signal, () => {
          members = 'giving';
          feeds = feeds.map(begunAnew);
        })
        .then(
          (count) => {
            fromMembers += count;
          },
          (error: unknown) => wanted.fail(error),
        )
        .finally(() => {
          members = 'done';
          pump();
        });
    }
    if (members !== 'giving') for (const feed of alive) feed.takeBlocks(wanted.header, wanted.intake);
  }

  function fallBack(wanted: Demand): void {
    if (falling !== undefined) return;
    if (fallback === undefined) {
      wanted.fail(hasEnded ? nobodyNeeds(assignment) : noSource(assignment));
      return;
    }
    const controller = new AbortController();
    falling = controller;
    const signal = AbortSignal.any([controller.signal, wanted.signal]);
    const coming =
      wanted.what === 'manifest'
        ? fallback.manifest(wanted.read, signal).then(wanted.give)
        : fallback.blocks(wanted.header, wanted.intake, signal).then((count) => {
            fromMembers += count;
            wanted.give();
          });
    coming
      .catch((error: unknown) => {
        // Sources were named meanwhile.
        if (!controller.signal.aborted) wanted.fail(error);
      })
      .finally(() => {
        if (falling === controller) falling = undefined;
        pump();
      });
  }

  /** Until it is given what it waits for, or told that it does not come. */
  async function serve<T>(
    signal: AbortSignal,
    make: (give: (value: T) => void, fail: (error: unknown) => void) => Demand,
  ): Promise<T> {
    const done = Promise.withResolvers<T>();
    const cancel = (): void => done.reject(new TreecastError('ABORTED', 'Fetching was stopped.'));
    signal.addEventListener('abort', cancel);
    if (signal.aborted) cancel();
    demand = make(done.resolve, done.reject);
    demandSince = clock.now();
    watch.start();
    pump();
    try {
      return await done.promise;
    } finally {
      signal.removeEventListener('abort', cancel);
      demand = undefined;
      watch.stop();
      falling?.abort();
    }
  }

  return {
    manifest: (read, signal) =>
      serve<Manifest>(signal, (give, fail) => ({ what: 'manifest', read, give, fail, signal })),

    async blocks(header, own, signal) {
      const blocks = blockCount(header);
      const tell = (): void => options.onProgress(own.heldCount(), blocks);
      const intake: BlockIntake = {
        ...own,
        async write(index, block) {
          await own.write(index, block);
          tell();
        },
      };
      tell();
      fromMembers = 0;
      try {
        await serve<void>(signal, (give, fail) => ({ what: 'blocks', header, intake, give, fail, signal }));
      } finally {
        for (const feed of feeds) stop(feed);
      }
      return fromMembers;
    },

    use(sources) {
      const kept = feeds.filter(
        (feed) => !feed.isOver() && sources.some((source) => isSame(source, feed.source)),
      );
      for (const feed of feeds) if (!kept.includes(feed)) stop(feed);
      if (sources.length > 0) hasEnded = false;
      feeds = sources.map((source) => kept.find((feed) => isSame(source, feed.source)) ?? createFeed(source));
      if (sources.length === 0) idleSince = clock.now();
      pump();
    },

    useTicket(newest) {
      ticket = newest;
    },

    fallBackTo(supply, itsTicket) {
      fallback = supply;
      if (ticket === '') ticket = itsTicket;
      pump();
    },

    expect() {
      hasEnded = false;
      idleSince = clock.now();
    },

    end() {
      hasEnded = true;
      fallback = undefined;
      for (const feed of feeds) stop(feed);
      feeds = [];
      falling?.abort();
      // Unless it is ordered again in the same breath: who was told that it fails would not hear that it goes on.
      queueMicrotask(pump);
    },

    figures() {
      const running = feeds.flatMap((feed) => (feed.isOver() || feed.bytes() === 0 ? [] : [feed.figures()]));
      return [...over, ...running].slice(-figuresMax);
    },
  };
}

function nobodyNeeds(assignment: string): TreecastError {
  return new TreecastError('ABORTED', `The CCM says that nobody needs assignment ${assignment}.`);
}

function noSource(assignment: string): TreecastError {
  return new TreecastError('CCM_UNREACHABLE', `No source was named for assignment ${assignment}.`, {
    fix: 'Nothing needs to be done: it is fetched when the CCM names one, or when it is needed here.',
  });
}

function isSame(one: PlacedSource, other: PlacedSource): boolean {
  return (
    one.part === other.part &&
    one.parts === other.parts &&
    one.place?.node === other.place?.node &&
    one.place?.address === other.place?.address &&
    one.place?.port === other.place?.port
  );
}
