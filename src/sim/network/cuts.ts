// Which nodes are cut off from which: partitions, several at a time, each both ways or one way only.

import type { CutDirection } from './network.ts';

export interface Cuts {
  /** Whether nothing that `from` sends can reach `to`. */
  isCut(from: number, to: number): boolean;
  /** `spared` reaches and is reached by everybody. Returns what heals it. */
  add(side: readonly number[], direction: CutDirection, spared?: number): () => void;
  clear(): void;
}

interface Cut {
  readonly isOfSide: Uint8Array;
  readonly direction: CutDirection;
  readonly spared: number;
}

export function createCuts(nodes: number): Cuts {
  let cuts: readonly Cut[] = [];
  return {
    isCut(from, to) {
      for (const { isOfSide, direction, spared } of cuts) {
        if (from === spared || to === spared) continue;
        if (isOfSide[from] === isOfSide[to] || direction === (isOfSide[from] === 1 ? 'in' : 'out')) continue;
        return true;
      }
      return false;
    },
    add(side, direction, spared = -1) {
      const isOfSide = new Uint8Array(nodes);
      for (const node of side) isOfSide[node] = 1;
      const cut = { isOfSide, direction, spared };
      cuts = [...cuts, cut];
      return () => {
        cuts = cuts.filter((other) => other !== cut);
      };
    },
    clear() {
      cuts = [];
    },
  };
}
