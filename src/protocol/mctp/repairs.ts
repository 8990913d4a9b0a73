// What has been sent of each block and when, and what is to be sent again. Receivers' wishes are merged: what several miss goes out once, and what is on
// its way already not again (MCTP-16, MCTP-17).

import type { MctpRules } from './mctp-rules.ts';
import type { MctpLayout, MctpRepair } from './mctp-session.ts';
import type { MctpTiming } from './mctp-timing.ts';

export interface Run {
  readonly block: number;
  readonly sequences: readonly number[];
  readonly pass: number;
  readonly isRepair: boolean;
}

export interface Repairs {
  /** A block in whole, for the first time or once more. */
  sendWhole(block: number): void;
  /** By number, or by the frames where they are named. False: this block has been repaired too often. */
  ask(block: number, lacks: number, frames: readonly number[] | null, asOf: number): boolean;
  /** Its parity is not to be used: some receivers take data frames alone. */
  useDataOnly(block: number): void;
  isDataOnly(block: number): boolean;
  isSent(block: number): boolean;
  /** The number of the last frame of the block; 0: none was sent. */
  lastNumber(block: number): number;
  isWaiting(): boolean;
  /** The next run of repairs; undefined: none waits. `loss`: what of it will get lost. */
  nextRepair(loss: number): Run | undefined;
  /** The first run of a block. */
  firstRun(block: number, parity: number): Run;
  sent(block: number, sequence: number, number: number): void;
}

interface Wish {
  /** So many frames of whatever kind. */
  need: number;
  /** Data frames by sequence. */
  readonly named: Set<number>;
}

/** Of so many blocks it is known when each frame was sent. */
const booksMax = 1024;

export interface RepairsOptions {
  readonly layout: MctpLayout;
  readonly repair: MctpRepair;
  readonly rules: MctpRules;
  readonly timing: MctpTiming;
}

export function createRepairs({ layout, repair, rules, timing }: RepairsOptions): Repairs {
  const passes = new Uint8Array(layout.blocks);
  const last = new Uint32Array(layout.blocks);
  const framesSent = new Uint16Array(layout.blocks);
  const parityUsed = new Uint8Array(layout.blocks);
  const dataOnly = new Set<number>();
  const books = new Map<number, Uint32Array>();
  const wishes = new Map<number, Wish>();

  function wishFor(block: number): Wish {
    const found = wishes.get(block);
    if (found !== undefined) return found;
    const wish = { need: 0, named: new Set<number>() };
    // The manifest is waited for by everything else.
    if (block < layout.manifestBlocks && wishes.size > 0) {
      const others = [...wishes];
      wishes.clear();
      wishes.set(block, wish);
      for (const [other, its] of others) wishes.set(other, its);
    } else wishes.set(block, wish);
    return wish;
  }

  /** Of a block whose book was closed all frames count as sent with its last one. */
  const sentNumber = (block: number, sequence: number): number =>
    books.get(block)?.[sequence] ?? (last[block] as number);

  function inFlight(block: number, asOf: number): number {
    let count = 0;
    const end = layout.frames(block) + (parityUsed[block] as number);
    for (let sequence = 0; sequence < end; sequence += 1)
      if (rules.isInFlight(sentNumber(block, sequence), asOf)) count += 1;
    return count;
  }

  const parityLeft = (block: number): number =>
    repair === 'fec' && !dataOnly.has(block) ? layout.parityMax(block) - (parityUsed[block] as number) : 0;

  function takeParity(block: number, count: number): number[] {
    const first = layout.frames(block) + (parityUsed[block] as number);
    parityUsed[block] = (parityUsed[block] as number) + count;
    return Array.from({ length: count }, (_, index) => first + index);
  }

  function run(block: number, sequences: readonly number[], isRepair: boolean): Run {
    const pass = passes[block] as number;
    passes[block] = Math.min(255, pass + 1);
    return { block, sequences, pass, isRepair };
  }

  return {
    sendWhole(block) {
      const { named } = wishFor(block);
      for (let sequence = 0; sequence < layout.frames(block); sequence += 1) named.add(sequence);
    },

    ask(block, lacks, frames, asOf) {
      if (last[block] === 0) return true;
      if ((framesSent[block] as number) >= timing.blockRepeatsMax * layout.frames(block)) return false;
      if (frames !== null && (repair === 'arq' || dataOnly.has(block) || parityLeft(block) < lacks)) {
        const wanted = frames.filter((sequence) => !rules.isInFlight(sentNumber(block, sequence), asOf));
        if (wanted.length === 0) return true;
        const { named } = wishFor(block);
        for (const sequence of wanted) named.add(sequence);
        return true;
      }
      const need = Math.min(lacks, layout.frames(block)) - inFlight(block, asOf);
      if (need <= 0) return true;
      const wish = wishFor(block);
      wish.need = rules.needOf(wish.need, need);
      return true;
    },

    useDataOnly: (block) => void dataOnly.add(block),
    isDataOnly: (block) => dataOnly.has(block),
    isSent: (block) => last[block] !== 0,
    lastNumber: (block) => last[block] as number,
    isWaiting: () => wishes.size > 0,

    nextRepair(loss) {
      const [next] = wishes;
      if (next === undefined) return undefined;
      const [block, { need, named }] = next;
      wishes.delete(block);
      const sequences = [...named].sort((one, other) => one - other);
      const more = Math.ceil(Math.max(0, need - sequences.length) / (1 - Math.min(loss, 0.5)));
      sequences.push(...takeParity(block, Math.min(more, parityLeft(block))));
      // Without parity, any data frames: who lacks them will name them soon.
      for (let sequence = 0; sequences.length < more && sequence < layout.frames(block); sequence += 1)
        if (!named.has(sequence)) sequences.push(sequence);
      return run(block, sequences, true);
    },

    firstRun(block, parity) {
      const sequences = Array.from({ length: layout.frames(block) }, (_, sequence) => sequence);
      sequences.push(...takeParity(block, Math.min(parity, parityLeft(block))));
      return run(block, sequences, false);
    },

    sent(block, sequence, number) {
      last[block] = number;
      framesSent[block] = Math.min(65_535, (framesSent[block] as number) + 1);
      let book = books.get(block);
      if (book === undefined) {
        book = new Uint32Array(256);
        books.set(block, book);
        if (books.size > booksMax) {
          const [oldest] = books.keys();
          if (oldest !== undefined) books.delete(oldest);
        }
      }
      book[sequence] = number;
    },
  };
}
