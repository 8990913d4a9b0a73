// What is known of each leader's link, from real transfers and from the links' pings: rates, delay, place among the others, how often it failed others.
// Smoothed, kept in the database, written at most every few seconds (TREE-98). It orders leaders and nothing else: who lies about others gains little.

import { failpoint } from '../../faults/failpoint.ts';
import type { TransferFigures } from '../../model/tree-messages.ts';
import type { Clock } from '../../net/clock.ts';
import { ccmCoordinates, moveCoordinates } from '../../protocol/tree/move-coordinates.ts';
import type { Coordinates } from '../../protocol/tree/tree-machines.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import type { LeaderMeasureTable } from '../db/schema.ts';
import { createGivenRates, downRateOf } from './transfer-rates.ts';

export interface LeaderMeasure {
  readonly delayMs: number | null;
  readonly upBytesPerSecond: number | null;
  readonly downBytesPerSecond: number | null;
  readonly coordinates: Coordinates | null;
  /** Transfers from it that went well, and that did not; older ones count less. */
  readonly done: number;
  readonly failed: number;
}

export interface LeaderMeasures {
  of(node: string): LeaderMeasure;
  /** Between it and the CCM, milliseconds. */
  delayed(node: string, delayMs: number): void;
  /** What a leader has fetched, from sources that it was given. */
  fetched(node: string, figures: readonly TransferFigures[]): void;
  /** A leader had trouble with this one. */
  troubled(source: string): void;
  forget(node: string): void;
  /** What is not written yet. */
  flush(): void;
  close(): void;
}

export interface LeaderMeasuresOptions {
  readonly database: CcmDatabase;
  /** While nothing can be written it stays in memory. */
  readonly health: { readonly waitsFor: unknown };
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly onError: (error: unknown) => void;
}

const writeAfterMs = 5_000;
/** More are written a moment later, so that the CCM is not held up. */
const writtenMax = 500;
const restAfterMs = 50;
/** A link is as fast as it once was; slower may have been the other end. */
const weights = { faster: 0.5, slower: 0.2, delay: 0.25 } as const;
const countedMax = 100;
const unknown: LeaderMeasure = {
  delayMs: null,
  upBytesPerSecond: null,
  downBytesPerSecond: null,
  coordinates: null,
  done: 0,
  failed: 0,
};

export function createLeaderMeasures(options: LeaderMeasuresOptions): LeaderMeasures {
  const { database, health, clock, random } = options;
  const { queries } = database;
  const measures = new Map(
    database
      .all(queries.selectFrom('leader_measures').selectAll())
      .map((row) => [row.node, toMeasure(row)] as const),
  );
  const given = createGivenRates();
  const unwritten = new Set<string>();
  let cancelWrite: (() => void) | undefined;

  const of = (node: string): LeaderMeasure => measures.get(node) ?? unknown;

  function set(node: string, changes: Partial<LeaderMeasure>): void {
    measures.set(node, { ...of(node), ...changes });
    unwritten.add(node);
    writeSoon();
  }

  function writeSoon(afterMs = writeAfterMs): void {
    cancelWrite ??= clock.after(afterMs, () => write(writtenMax));
  }

  function queryFor(node: string) {
    const measure = measures.get(node);
    return measure === undefined
      ? queries.deleteFrom('leader_measures').where('node', '=', node)
      : queries.replaceInto('leader_measures').values(toRow(node, measure, clock.now()));
  }

  function count(node: string, how: 'done' | 'failed'): void {
    const { done, failed } = of(node);
    const share = done + failed >= countedMax ? 0.5 : 1;
    const halved = { done: Math.floor(done * share), failed: Math.floor(failed * share) };
    set(node, { ...halved, [how]: halved[how] + 1 });
  }

  function moved(node: string, other: Coordinates | null, delayMs: number): void {
    if (other !== null)
      set(node, { coordinates: moveCoordinates(of(node).coordinates, other, delayMs, random) });
  }

  function delayed(node: string, delayMs: number): void {
    set(node, { delayMs: smoothed(of(node).delayMs, delayMs, weights.delay) });
    moved(node, ccmCoordinates, delayMs);
  }

  function write(most: number): void {
    cancelWrite?.();
    cancelWrite = undefined;
    if (unwritten.size === 0) return;
    if (health.waitsFor !== undefined) {
      writeSoon();
      return;
    }
    try {
      const nodes = [...unwritten].slice(0, most);
      database.writeBatch(nodes.map(queryFor));
      for (const node of nodes) unwritten.delete(node);
      failpoint('ccm.tree.measured');
      if (unwritten.size > 0) writeSoon(restAfterMs);
    } catch (error) {
      // Tried again with the next word.
      options.onError(error);
    }
  }

  return {
    of,
    delayed,
    fetched(node, figures) {
      const down = downRateOf(figures);
      if (down !== null) set(node, { downBytesPerSecond: smoothedRate(of(node).downBytesPerSecond, down) });
      for (const { node: source, bytes, ms, delayMs } of figures) {
        if (source === null) {
          if (delayMs !== null) delayed(node, delayMs);
          continue;
        }
        const up = given.add(source, { bytes, ms }, clock.now());
        if (up !== null) set(source, { upBytesPerSecond: smoothedRate(of(source).upBytesPerSecond, up) });
        if (bytes > 0) count(source, 'done');
        if (delayMs !== null) moved(node, of(source).coordinates, delayMs);
      }
    },
    troubled: (source) => count(source, 'failed'),
    forget(node) {
      given.forget(node);
      if (!measures.delete(node)) return;
      unwritten.add(node);
      writeSoon();
    },
    flush: () => write(unwritten.size),
    close() {
      write(unwritten.size);
      cancelWrite?.();
    },
  };
}

function smoothed(before: number | null, value: number, weight: number): number {
  return before === null ? value : before + (value - before) * weight;
}

function smoothedRate(before: number | null, value: number): number {
  return smoothed(before, value, before !== null && value < before ? weights.slower : weights.faster);
}

function toRow(node: string, measure: LeaderMeasure, now: number): LeaderMeasureTable {
  const { delayMs, upBytesPerSecond, downBytesPerSecond, coordinates, done, failed } = measure;
  return {
    node,
    delay_ms: delayMs,
    up_bytes_per_second: upBytesPerSecond,
    down_bytes_per_second: downBytesPerSecond,
    x: coordinates?.x ?? null,
    y: coordinates?.y ?? null,
    height: coordinates?.height ?? null,
    done,
    failed,
    updated_at: now,
  };
}

function toMeasure(row: LeaderMeasureTable): LeaderMeasure {
  const { x, y, height, done, failed } = row;
  return {
    delayMs: row.delay_ms,
    upBytesPerSecond: row.up_bytes_per_second,
    downBytesPerSecond: row.down_bytes_per_second,
    coordinates: x === null || y === null || height === null ? null : { x, y, height },
    done,
    failed,
  };
}
