// One fetcher's stream of a part from one source: what it lacks and the source holds, a cell at a time, as it becomes there. Tries again by itself after a broken
// connection, asks when nothing comes, and says what is wrong when it gives up (TREE-40). Whether what arrives is good is the fetcher's to see.

import type { SourceTrouble, TreePart } from '../../model/tree-messages.ts';
import type { EventQueue } from '../kernel/event-queue.ts';
import type { TreeCells } from './tree-cells.ts';
import { requestWays, type Wan, type WanNode } from './tree-wan.ts';

export interface Source {
  readonly node: WanNode;
  /** Nobody asks it what it holds, and more tries are made. */
  readonly isCcm: boolean;
  /** It has the assignment open for others; else it answers that it lacks it. */
  offers(): boolean;
  /** May send this cell now. */
  has(cell: number): boolean;
  /** What it says when it is asked: it holds this cell. */
  claims(cell: number): boolean;
  /** What it says it holds and has not. */
  denies(): boolean;
  isCorrupt(): boolean;
  readonly serves: Set<TreeFlow>;
  served(flow: TreeFlow, isServed: boolean): void;
}

export interface Fetcher {
  readonly node: WanNode;
  /** By cell: 0 is missing. */
  readonly held: Uint8Array;
  /** By cell: 1 is on its way. */
  readonly coming: Uint8Array;
  got(flow: TreeFlow, cell: number, isCorrupt: boolean): void;
  /** The flow is closed. */
  failed(flow: TreeFlow, trouble: SourceTrouble): void;
  finished(flow: TreeFlow): void;
}

export interface FlowWorld {
  readonly queue: EventQueue;
  readonly wan: Wan;
  readonly cells: TreeCells;
}

export interface TreeFlow {
  readonly part: TreePart;
  readonly source: Source;
  readonly fetcher: Fetcher;
  readonly beganAt: number;
  bytes: number;
  isClosed: boolean;
  open(): void;
  close(): void;
  /** The source has a cell more, or the way is free again. */
  pump(): void;
  /** The source's process is gone: the fetcher hears it when it can. */
  reset(): void;
}

export const flowTiming = {
  /** Nothing came for so long: the source is asked. */
  silenceMs: 2000,
  askMs: 1500,
  retryMs: 250,
  triesMax: 4,
  ccmSilenceMs: 10_000,
  ccmTriesMax: 7,
  /** Of one that gave nothing yet it is believed only then that it lacks it. */
  lacksMs: 5000,
  /** One that lives and has nothing more for so long lacks it. */
  starvesMs: 30_000,
} as const;

/** A source whose holes are further apart serves what comes before them first. */
const missesMax = 8;
const cellsOfSmall = 512;

export function createTreeFlow(world: FlowWorld, fetcher: Fetcher, source: Source, part: TreePart): TreeFlow {
  const { queue, wan } = world;
  const cells = world.cells.ofPart(part);
  const lookMax = world.cells.count > cellsOfSmall ? missesMax : Number.POSITIVE_INFINITY;
  const wayMs = wan.delayMs(fetcher.node, source.node);
  const silenceMs = source.isCcm ? flowTiming.ccmSilenceMs : flowTiming.silenceMs;
  const fetcherLife = fetcher.node.life;
  let sourceLife = 0;
  let isOpen = false;
  let isSending = false;
  /** An event comes when the way is free. */
  let isWoken = false;
  let freeAt = 0;
  /** What was sent is lost, and nothing more comes until it is asked again. */
  let isStalled = false;
  /** A wake-up of an earlier connection finds another number. */
  let connection = 0;
  let at = 0;
  let lastAt = queue.now();
  let gotAt = lastAt;
  let tries = 0;
  /** It said that it has more, and sent none of it since. */
  let gaveNothing = false;
  const air: number[] = [];

  const reaches = (): boolean => wan.reaches(fetcher.node, source.node);
  const isSourceThere = (): boolean => source.node.isUp && source.node.life === sourceLife;

  const flow: TreeFlow = {
    ...{ part, source, fetcher, beganAt: queue.now(), bytes: 0, isClosed: false },
    open() {
      connect();
      queue.add(lastAt + silenceMs, watch, null, 0);
    },
    close() {
      if (flow.isClosed) return;
      flow.isClosed = true;
      drop();
    },
    pump() {
      if (isSending) {
        if (isWoken) return;
        if (queue.now() < freeAt) {
          wakeWhenFree();
          return;
        }
        isSending = false;
      }
      if (!isOpen || isStalled || flow.isClosed || !isSourceThere()) return;
      const cell = next();
      if (cell < 0) return;
      const arrivesAt = wan.send(source.node, fetcher.node, world.cells.bytesOf(cell));
      fetcher.coming[cell] = 1;
      air.push(cell);
      isSending = true;
      freeAt = wan.freeAt();
      // While the source itself waits for more, nobody needs to know when the way is free.
      if (next() >= 0) wakeWhenFree();
      queue.add(arrivesAt, source.isCorrupt() ? arriveCorrupt : arrive, connection, cell);
    },
    reset() {
      if (!isOpen) return;
      drop();
      queue.add(queue.now() + wayMs, () => reaches() && again(), null, 0);
    },
  };

  /** The connection is gone; what was on its way is nobody's. */
  function drop(): void {
    if (isOpen) {
      source.serves.delete(flow);
      if (source.node.isUp && source.node.life === sourceLife)
        queue.add(queue.now() + wayMs, left, sourceLife, 0);
    }
    isOpen = false;
    isSending = false;
    isWoken = false;
    isStalled = false;
    connection += 1;
    for (const cell of air) fetcher.coming[cell] = 0;
    air.length = 0;
  }

  function left(life: number): void {
    if (source.node.isUp && source.node.life === life) source.served(flow, false);
  }

  function connect(): void {
    const mine = connection;
    queue.add(
      queue.now() + requestWays * wayMs,
      () => {
        if (flow.isClosed || mine !== connection || !isFetcherThere()) return;
        if (!reaches() || !source.node.isOpen) return;
        if (!source.node.isUp) {
          queue.add(queue.now() + wayMs, () => mine === connection && again(), null, 0);
          return;
        }
        if (!source.offers() || source.denies()) {
          queue.add(queue.now() + wayMs, () => mine === connection && lacks(), null, 0);
          return;
        }
        isOpen = true;
        sourceLife = source.node.life;
        source.serves.add(flow);
        source.served(flow, true);
        flow.pump();
      },
      null,
      0,
    );
  }

  function lacks(): void {
    if (flow.bytes > 0 || flow.beganAt + flowTiming.lacksMs <= queue.now()) fail('lacks');
    else reconnect(flowTiming.retryMs);
  }

  function reconnect(afterMs: number): void {
    connection += 1;
    const mine = connection;
    queue.add(queue.now() + afterMs, () => mine === connection && connect(), null, 0);
  }

  function again(): void {
    if (flow.isClosed || isOpen || !isFetcherThere()) return;
    tries += 1;
    if (tries >= (source.isCcm ? flowTiming.ccmTriesMax : flowTiming.triesMax)) {
      fail('unreachable');
      return;
    }
    reconnect(flowTiming.retryMs);
  }

  function isFetcherThere(): boolean {
    return fetcher.node.isUp && fetcher.node.life === fetcherLife;
  }

  function fail(trouble: SourceTrouble): void {
    if (flow.isClosed || !isFetcherThere()) return;
    flow.close();
    fetcher.failed(flow, trouble);
  }

  /** The first that the fetcher lacks, that does not come already, and that the source has; -1: none. */
  function next(): number {
    const { held, coming } = fetcher;
    while (at < cells.length && held[cells[at] as number] !== 0) at += 1;
    let misses = 0;
    for (let place = at; place < cells.length && misses < lookMax; place += 1) {
      const cell = cells[place] as number;
      if (held[cell] !== 0 || coming[cell] !== 0) continue;
      if (source.has(cell)) return cell;
      misses += 1;
    }
    return -1;
  }

  function wakeWhenFree(): void {
    isWoken = true;
    queue.add(freeAt, free, null, connection);
  }

  function free(_: null, mine: number): void {
    if (mine !== connection) return;
    isWoken = false;
    isSending = false;
    flow.pump();
  }

  function arrive(mine: number, cell: number): void {
    land(mine, cell, false);
  }

  function arriveCorrupt(mine: number, cell: number): void {
    land(mine, cell, true);
  }

  function land(mine: number, cell: number, isCorrupt: boolean): void {
    if (mine !== connection || flow.isClosed) return;
    air.splice(air.indexOf(cell), 1);
    fetcher.coming[cell] = 0;
    if (!reaches()) {
      isStalled = true;
      return;
    }
    lastAt = queue.now();
    gotAt = lastAt;
    tries = 0;
    gaveNothing = false;
    flow.bytes += world.cells.bytesOf(cell);
    fetcher.got(flow, cell, isCorrupt);
    if (!flow.isClosed && isWhole()) {
      flow.close();
      fetcher.finished(flow);
    }
  }

  function isWhole(): boolean {
    while (at < cells.length && fetcher.held[cells[at] as number] !== 0) at += 1;
    return at === cells.length;
  }

  function isOnItsWay(): boolean {
    return isSending && queue.now() < freeAt;
  }

  function isSilent(): boolean {
    return lastAt + silenceMs <= queue.now();
  }

  function watch(): void {
    if (flow.isClosed || !isFetcherThere()) return;
    const now = queue.now();
    if (isWhole()) {
      // Another flow, of another cut of the same, brought the rest.
      flow.close();
      fetcher.finished(flow);
      return;
    }
    const isComing = isOpen && !isStalled && (isOnItsWay() || air.length > 0) && reaches() && isSourceThere();
    if (isComing) lastAt = now;
    if (isStalled && reaches() && isSourceThere()) {
      // TCP sends again what was lost.
      isStalled = false;
      lastAt = now;
      flow.pump();
    }
    if (!isSilent()) {
      queue.add(lastAt + silenceMs, watch, null, 0);
      return;
    }
    if (source.isCcm) {
      drop();
      lastAt = now;
      again();
      queue.add(lastAt + silenceMs, watch, null, 0);
      return;
    }
    wan.call<'more' | 'no more' | 'nothing'>({
      from: fetcher.node,
      to: source.node,
      boundMs: flowTiming.askMs,
      arrive: () => (source.offers() ? (hasMore() ? 'more' : 'no more') : 'nothing'),
      answered(answer) {
        if (flow.isClosed) return;
        // What came while it was asked counts.
        const isStarving = gotAt + flowTiming.starvesMs <= queue.now();
        if (isSilent() && answer !== 'more' && (isStarving || (answer === 'nothing' && flow.bytes > 0)))
          fail('lacks');
        else if (isSilent() && answer === 'more' && isOpen && !isStalled && gaveNothing) fail('slow');
        else {
          gaveNothing = isSilent() && answer === 'more';
          lastAt = queue.now();
          if (!isOpen) reconnect(0);
          queue.add(lastAt + silenceMs, watch, null, 0);
        }
      },
      failed() {
        if (isSilent()) fail('unreachable');
        else queue.add(lastAt + silenceMs, watch, null, 0);
      },
    });
  }

  function hasMore(): boolean {
    return cells.some(
      (cell) => fetcher.held[cell] === 0 && fetcher.coming[cell] === 0 && source.claims(cell),
    );
  }

  return flow;
}
