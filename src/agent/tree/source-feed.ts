// What comes from one source of the tree: the manifest, or the blocks of its part, by a few requests at once (TREE-45). Blocks that are here already
// are not asked for. When a source is given up is said here by what its answers were; whether a silent one is, its owner decides.

import { blockCount, blockRange } from '../../assignment/block-layout.ts';
import { type AssignmentHeader, blockBytes } from '../../model/assignment.ts';
import type { SourceTrouble, TransferFigures, TreePart } from '../../model/tree-messages.ts';
import { type Clock, delay } from '../../net/clock.ts';
import { BusySource, requestRange } from '../../net/fetch/range-request.ts';
import type { Pace } from '../../net/rate/pacer.ts';
import { blocksOfPart } from '../../protocol/tree/tree-parts.ts';
import type { BlockIntake } from '../leader/content-supply.ts';
import type { SourceLine, SourcePlace } from './source-lines.ts';
import { troubleOfAnswer, troubleOfContent } from './source-trouble.ts';

export interface PlacedSource extends TreePart {
  readonly place: SourcePlace;
}

export interface SourceFeed {
  readonly source: PlacedSource;
  readonly line: SourceLine;
  /** It had trouble, or gave all of its part. */
  isOver(): boolean;
  /** Of data and manifest, so far. */
  bytes(): number;
  /** Since when requests wait for the next byte, or are told to ask again; undefined: none is. */
  waitingSince(): number | undefined;
  /** When the last whole block came, or as much of the manifest, or the first request went out. */
  lastBlockAt(): number;
  /** It has given nothing, and may not have heard of the assignment yet. */
  mayNotKnow(): boolean;
  /** The blocks that the requests under way bring next. */
  awaited(): readonly number[];
  figures(): TransferFigures;
  takeManifest(bytes: number, read: (bytes: Buffer) => void): void;
  takeBlocks(header: AssignmentHeader, intake: BlockIntake): void;
  /** It gives nothing any more: what is under way ends, and nobody is told. */
  stop(): void;
  /** As {@link stop}, and its owner is told. */
  giveUp(trouble: SourceTrouble): void;
}

export interface SourceFeedOptions {
  readonly source: PlacedSource;
  readonly line: SourceLine;
  readonly assignment: string;
  readonly ticket: () => string;
  /** A request begins: what keeps it within limits (TREE-71). */
  readonly pace: () => Pace;
  readonly clock: Clock;
  /** Who has given nothing yet may not have heard of it yet, for so long. */
  readonly unknownMs: number;
  /** The manifest was taken, or all of its part is here. */
  readonly onDone: () => void;
  readonly onTrouble: (trouble: SourceTrouble) => void;
  /** What the disk threw. */
  readonly onFatal: (error: unknown) => void;
}

interface Run {
  first: number;
  count: number;
}

/** 8 MiB: at 1 Gbit/s a request takes longer than the way to the next continent and back. */
const runBlocksMax = 64;
/**
 * The next request goes out when the last one has so many blocks left: it fills the pause, and takes nothing from those blocks before. What is far away has several
 * under way.
 */
const near = { requests: 2, blocksLeft: 4 } as const;
const far = { requests: 4, blocksLeft: runBlocksMax } as const;
const farMs = 10;
const retryMs = 150;
const busyMs = 250;
const failuresMax = { node: 3, ccm: 6 } as const;
/** A source that has nothing to give is silent; below what its segment port cuts (LEAD-23). */
const idleMs = { node: 55_000, ccm: 10_000 } as const;

export function createSourceFeed(options: SourceFeedOptions): SourceFeed {
  const { source, line, assignment, ticket, clock } = options;
  const kind = source.place === null ? 'ccm' : 'node';
  const stopped = new AbortController();
  const { signal } = stopped;
  const startedAt = clock.now();
  let endedAt: number | undefined;
  let isOver = false;
  let isBusy = false;
  let bytes = 0;
  let failures = 0;
  let failedAt = Number.NEGATIVE_INFINITY;
  let lastBlockAt = startedAt;
  /** Of each request under way: since when it waits for its next byte. */
  const waits = new Map<object, number | undefined>();
  const awaited = new Map<object, number>();
  /** Since when it only asks for patience. */
  let busySince: number | undefined;

  function end(): void {
    isOver = true;
    endedAt ??= clock.now();
    stopped.abort();
  }

  function giveUp(trouble: SourceTrouble): void {
    if (isOver) return;
    end();
    options.onTrouble(trouble);
  }

  function fatal(error: unknown): void {
    if (isOver) return;
    end();
    options.onFatal(error);
  }

  /** One range, with who waits for it noted. */
  async function* pieces(what: 'manifest' | 'data', start: number, upTo: number, total: number) {
    const self = {};
    waits.set(self, clock.now());
    const within = options.pace();
    const pace = (of: number): Promise<void> | undefined => {
      // Whatever is waited for now, it is not the source.
      waits.set(self, undefined);
      return within(of);
    };
    try {
      const range = { url: line.url(assignment, what), ticket: ticket(), start, end: upTo, total };
      for await (const piece of requestRange(
        line.agent(),
        { ...range, idleMs: idleMs[kind], pace },
        signal,
      )) {
        waits.set(self, undefined);
        busySince = undefined;
        bytes += piece.length;
        yield piece;
        waits.set(self, clock.now());
      }
    } finally {
      waits.delete(self);
    }
  }

  function mayNotKnow(): boolean {
    return bytes === 0 && source.place !== null && clock.now() - startedAt < options.unknownMs;
  }

  /** Whether to try again, after a while. What ends several requests at once is one failure. */
  async function failed(error: unknown, begunAt: number): Promise<boolean> {
    if (signal.aborted) return false;
    const trouble = troubleOfAnswer(error);
    const isWaiting = error instanceof BusySource || (trouble === 'lacks' && mayNotKnow());
    if (trouble !== null && !isWaiting) {
      giveUp(trouble);
      return false;
    }
    if (isWaiting) {
      busySince ??= clock.now();
      await delay(clock, busyMs, signal);
      return !signal.aborted;
    }
    if (begunAt >= failedAt) {
      failures += 1;
      failedAt = clock.now();
    }
    if (failures > failuresMax[kind]) {
      giveUp('unreachable');
      return false;
    }
    await delay(clock, retryMs * failures, signal);
    return !signal.aborted;
  }

  async function fetchManifest(size: number, read: (bytes: Buffer) => void): Promise<void> {
    for (;;) {
      const manifest = Buffer.allocUnsafe(size);
      let filled = 0;
      const begunAt = clock.now();
      try {
        for await (const piece of pieces('manifest', 0, size, size)) {
          const before = filled;
          filled += piece.copy(manifest, filled);
          if (Math.floor(filled / blockBytes) > Math.floor(before / blockBytes)) lastBlockAt = clock.now();
        }
      } catch (error) {
        if (await failed(error, begunAt)) continue;
        return;
      }
      failures = 0;
      try {
        read(manifest);
      } catch (error) {
        const trouble = troubleOfContent(error);
        if (trouble === null) fatal(error);
        else giveUp(trouble);
      }
      return;
    }
  }

  async function fetchRun(
    run: Run,
    header: AssignmentHeader,
    intake: BlockIntake,
    onBlock: () => void,
  ): Promise<void> {
    const self = {};
    const { offset: start } = blockRange(header, run.first);
    const last = blockRange(header, run.first + run.count - 1);
    let block: Buffer | undefined;
    let filled = 0;
    awaited.set(self, run.first);
    try {
      for await (const piece of pieces('data', start, last.offset + last.length, header.data.bytes)) {
        for (let taken = 0; taken < piece.length; ) {
          block ??= Buffer.allocUnsafe(blockRange(header, run.first).length);
          const copied = piece.copy(block, filled, taken);
          taken += copied;
          filled += copied;
          if (filled < block.length) continue;
          await intake.write(run.first, block).catch((error: unknown) => {
            throw new ContentRefused(error);
          });
          failures = 0;
          lastBlockAt = clock.now();
          run.first += 1;
          run.count -= 1;
          awaited.set(self, run.first);
          onBlock();
          block = undefined;
          filled = 0;
        }
      }
    } finally {
      awaited.delete(self);
    }
  }

  async function fetchBlocks(header: AssignmentHeader, intake: BlockIntake): Promise<void> {
    const runs = missingRuns(source, blockCount(header), intake);
    const { requests, blocksLeft } = (line.delayMs() ?? 0) > farMs ? far : near;
    const underWay = new Set<Run>();
    let changed = Promise.withResolvers<void>();
    const wake = (): void => {
      changed.resolve();
      changed = Promise.withResolvers();
    };
    signal.addEventListener('abort', wake);
    const isEarly = (): boolean => runs.length > 0 && [...underWay].some(({ count }) => count > blocksLeft);
    const work = async (): Promise<void> => {
      while (!signal.aborted) {
        if (isEarly()) {
          await changed.promise;
          continue;
        }
        const run = runs.shift();
        if (run === undefined) return;
        // Somebody else may have brought some of it meanwhile.
        while (run.count > 0 && intake.has(run.first)) {
          run.first += 1;
          run.count -= 1;
        }
        if (run.count === 0) continue;
        underWay.add(run);
        const begunAt = clock.now();
        try {
          await fetchRun(run, header, intake, wake);
        } catch (error) {
          underWay.delete(run);
          if (run.count > 0) runs.unshift(run);
          if (error instanceof ContentRefused) {
            const trouble = troubleOfContent(error.reason);
            if (signal.aborted) return;
            if (trouble === null) fatal(error.reason);
            else giveUp(trouble);
          } else if (!(await failed(error, begunAt))) return;
        } finally {
          underWay.delete(run);
          wake();
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(requests, runs.length) }, work));
  }

  /** One thing at a time: first the manifest, later the blocks. */
  function begin(what: () => Promise<void>): void {
    if (isOver || isBusy) return;
    isBusy = true;
    lastBlockAt = clock.now();
    what().then(
      () => {
        isBusy = false;
        if (!signal.aborted) options.onDone();
      },
      (error: unknown) => {
        isBusy = false;
        fatal(error);
      },
    );
  }

  return {
    source,
    line,
    isOver: () => isOver,
    bytes: () => bytes,
    waitingSince() {
      if (busySince !== undefined) return busySince;
      let since: number | undefined;
      for (const at of waits.values()) {
        if (at === undefined) return undefined;
        since = Math.max(since ?? at, at);
      }
      return since;
    },
    lastBlockAt: () => lastBlockAt,
    mayNotKnow,
    awaited: () => [...awaited.values()],
    figures: () => ({
      node: source.place?.node ?? null,
      bytes,
      ms: Math.round((endedAt ?? clock.now()) - startedAt),
      delayMs: line.delayMs(),
    }),
    takeManifest: (size, read) => begin(() => fetchManifest(size, read)),
    takeBlocks: (header, intake) =>
      begin(async () => {
        await fetchBlocks(header, intake);
        // What was found spoilt on disk meanwhile comes again.
        if (signal.aborted || missingRuns(source, blockCount(header), intake).length > 0) return;
        isOver = true;
        endedAt = clock.now();
      }),
    stop: end,
    giveUp,
  };
}

/** Of the part's blocks those that are not here, in runs of what one request brings. */
function missingRuns(part: TreePart, blocks: number, intake: Pick<BlockIntake, 'has'>): Run[] {
  const runs: Run[] = [];
  for (const { from, to } of blocksOfPart(part, blocks)) {
    let run: Run | undefined;
    for (let index = from; index < to; index++) {
      if (intake.has(index)) run = undefined;
      else if (run !== undefined && run.count < runBlocksMax) run.count += 1;
      else {
        run = { first: index, count: 1 };
        runs.push(run);
      }
    }
  }
  return runs;
}

/** Wraps what the intake threw, so that it is not taken for a transport's failure. */
class ContentRefused extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('refused by whoever takes it');
    this.reason = reason;
  }
}
