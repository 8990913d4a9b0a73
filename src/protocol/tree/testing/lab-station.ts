// One leader of the lab: its machine, what it holds, and what its driver keeps.

import type { PlannedHandOut, RelayMachine, SourceChoice } from '../tree-machines.ts';

export interface LabStation {
  readonly node: string;
  readonly segment: string;
  relay: RelayMachine;
  readonly held: Set<number>;
  sources: readonly SourceChoice[];
  /** Sources that it gave up, until it gets others. */
  readonly failed: Set<string | null>;
  /** Since when nothing comes from a source. */
  readonly silentSince: Map<string | null, number>;
  /** Who fetches from it. */
  readonly feeds: Set<string>;
  readonly toNotify: Map<string, PlannedHandOut>;
  isAlive: boolean;
  isLinked: boolean;
  /** Counts them; what is under way on an older one is lost. */
  links: number;
  isNat: boolean;
  isCorrupt: boolean;
  /** Answers, and gives nothing. */
  isStuck: boolean;
}

export function createLabStation(node: string, segment: string, relay: RelayMachine): LabStation {
  return {
    ...{ node, segment, relay, held: new Set(), sources: [], failed: new Set(), silentSince: new Map() },
    ...{ feeds: new Set(), toNotify: new Map(), isAlive: true, isLinked: true, links: 0 },
    ...{ isNat: false, isCorrupt: false, isStuck: false },
  };
}

/** What it holds is on its disk. */
export function restartRelay(station: LabStation, relay: RelayMachine): void {
  station.relay = relay;
  station.sources = [];
  for (const each of [station.failed, station.silentSince, station.feeds, station.toNotify]) each.clear();
}
