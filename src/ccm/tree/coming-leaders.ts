// Nodes that have just connected and will lead in a moment, as far as one can know: their segment was led, and nobody leads it now. What they are to fetch waits
// for that moment, so that it goes by the tree and not from the CCM; and with it whatever comes behind it (TREE-91).

import { treeProfile } from '../../model/tree-messages.ts';
import type { Clock } from '../../net/clock.ts';

export interface ComingLeaders {
  /** Over a link of its own. */
  connected(node: string, profiles: readonly string[]): void;
  /** What waits for it is dropped: its next hello says what it needs. */
  disconnected(node: string): void;
  /** Somebody leads the segment now: nobody of it waits any more, and it is that one's turn first. */
  led(segment: string, leader: string): void;
  isComing(node: string): boolean;
  /** Something waits for this node, and what comes next has to wait behind it. */
  isHeld(node: string): boolean;
  hold(node: string, run: () => void): void;
  close(): void;
}

export interface ComingLeadersOptions {
  readonly clock: Clock;
  /** Of a node whose segment was led, and is not now: its segment; else undefined. */
  readonly leaderlessSegmentOf: (node: string) => string | undefined;
}

/** Agents report, and are accepted, within less. */
const comingMs = 3_000;

interface Coming {
  readonly segment: string;
  readonly cancel: () => void;
  readonly held: (() => void)[];
}

export function createComingLeaders({ clock, leaderlessSegmentOf }: ComingLeadersOptions): ComingLeaders {
  const coming = new Map<string, Coming>();
  const bySegment = new Map<string, Set<string>>();

  function forget(node: string): readonly (() => void)[] {
    const found = coming.get(node);
    if (found === undefined) return [];
    found.cancel();
    coming.delete(node);
    const others = bySegment.get(found.segment);
    others?.delete(node);
    if (others?.size === 0) bySegment.delete(found.segment);
    return found.held;
  }

  function release(node: string): void {
    for (const run of forget(node)) run();
  }

  return {
    connected(node, profiles) {
      forget(node);
      const segment = profiles.includes(treeProfile) ? leaderlessSegmentOf(node) : undefined;
      if (segment === undefined) return;
      const cancel = clock.after(comingMs, () => release(node));
      coming.set(node, { segment, cancel, held: [] });
      bySegment.set(segment, (bySegment.get(segment) ?? new Set()).add(node));
    },
    disconnected: (node) => void forget(node),
    led(segment, leader) {
      const nodes = bySegment.get(segment) ?? new Set();
      if (nodes.has(leader)) release(leader);
      for (const node of [...nodes]) release(node);
    },
    isComing: (node) => coming.has(node),
    isHeld: (node) => (coming.get(node)?.held.length ?? 0) > 0,
    hold: (node, run) => void coming.get(node)?.held.push(run),
    close() {
      for (const node of coming.keys()) forget(node);
    },
  };
}
