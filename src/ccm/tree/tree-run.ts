// One assignment's way down the tree: runs its distribution, tells leaders what that decides, and keeps what is shown of it. Who takes part, and which words
// count, is decided by its owner.

import type { Release } from '../../model/release.ts';
import type {
  NextLeader,
  SourceTrouble,
  TransferFigures,
  TreeAgentMessage,
  TreeCcmMessage,
} from '../../model/tree-messages.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import { createMachineRunner } from '../../net/mctp/machine-runner.ts';
import { createDistribution } from '../../protocol/tree/distribution.ts';
import type {
  DistributionEffect,
  DistributionFact,
  DistributionInput,
  LeaderInTree,
  PlannedHandOut,
  SourceChoice,
  TreeLeader,
} from '../../protocol/tree/tree-machines.ts';
import type { HandOutSubject, WriteHandOut } from './hand-out-writer.ts';
import type { Place } from './leader-places.ts';

export interface TreeSubject extends HandOutSubject {
  readonly release: Release;
  /** At least: what sizes alone tell. */
  readonly blocks: number;
}

/** A segment that takes part, through its leader. */
export interface Participant {
  readonly leader: TreeLeader;
  /** Of the leader's session, in which it was told that it takes part. */
  readonly session: string;
  readonly nodes: readonly string[];
}

/** What is kept of a segment beside the machine's. */
interface Kept {
  leader: string;
  session: string;
  /** All that were to have it through this leader, and those that still are. */
  readonly wanted: Set<string>;
  readonly needing: Set<string>;
  isHeld: boolean;
  /** What its leader said of its sources, each once. */
  readonly figures: Map<string, TransferFigures>;
  avoided: SourceTrouble | null;
  error: WireError | null;
}

/** For the API. */
export interface ShownLeader extends LeaderInTree {
  readonly nodes: ReadonlySet<string>;
  readonly figures: readonly TransferFigures[];
  readonly avoided: SourceTrouble | null;
  readonly error: WireError | null;
}

export interface TreeRun {
  readonly subject: TreeSubject;
  /** The clock's. */
  readonly startedAt: number;
  readonly completedAt: number | null;
  /** Nobody needs it any more: it is kept for being shown. */
  readonly isOver: boolean;
  /** How many were to have it by the tree. */
  readonly nodes: number;
  /** Segments take part, again, or with another leader. */
  join(participants: readonly Participant[]): void;
  /** These nodes need it no more. */
  leave(nodes: readonly string[]): void;
  /** The segment's leader, as it takes part; undefined: it does not, or not any more. */
  leaderOf(segment: string): string | undefined;
  /** Its session ended. */
  gone(segment: string): void;
  /** A word of the leader that takes part for this segment. New figures of sources that it was given are returned. */
  hear(segment: string, message: TreeAgentMessage): readonly TransferFigures[];
  /** True once for each source that this leader was ever told to fetch from: it may blame it. */
  blames(node: string, source: string): boolean;
  /** Whether this leader was to notify the other. */
  brings(node: string, next: string): boolean;
  shown(): readonly ShownLeader[];
  close(): void;
}

export interface TreeRunOptions {
  readonly ccm: string;
  readonly subject: TreeSubject;
  /** In the order in which they are handed out. */
  readonly participants: readonly Participant[];
  readonly ccmBytesPerSecond: number | null;
  readonly clock: Clock;
  readonly writeHandOut: WriteHandOut;
  readonly placeOf: (node: string) => Place | null;
  readonly send: (node: string, message: TreeCcmMessage) => void;
  readonly onFact: (fact: DistributionFact) => void;
  readonly onLog: (event: string, data: object) => void;
}

/** Numbers of hand-outs: above all of former runs, as long as the clock goes forward and a run gives fewer than these in a millisecond. */
const numbersPerMs = 1_000;
const figuresMax = 64;
/** One that has trouble with more than these has trouble of its own (TREE-28). */
const blamedMax = 8;

export function createTreeRun(options: TreeRunOptions): TreeRun {
  const { ccm, subject, clock, writeHandOut, placeOf, send } = options;
  const { site, assignment, manifestBytes, dataBytes } = subject;
  const startedAt = clock.now();
  const bySegment = new Map<string, Kept>();
  /** Through which segment a node is to have it. */
  const segmentOf = new Map<string, string>();
  /** By leader: the sources that it was ever told. */
  const given = new Map<string, Set<string | null>>();
  /** By leader: those of its newest hand-out. */
  const lastSources = new Map<string, readonly SourceChoice[]>();
  /** By leader: the sources that it had trouble with. */
  const blamed = new Map<string, Set<string>>();
  /** By leader: who was to notify it. */
  const brought = new Map<string, Set<string>>();
  let completedAt: number | null = null;
  let isClosed = false;
  /** Segments with nodes that need it. */
  let needed = 0;
  for (const participant of options.participants) keep(participant);
  // Before the first hand-out.
  for (const { leader } of options.participants) expect(leader.node);
  const machine = createDistribution(startedAt, {
    assignment,
    bytes: manifestBytes + dataBytes,
    blocks: subject.blocks,
    leaders: options.participants.map(({ leader }) => leader),
    ccmBytesPerSecond: options.ccmBytesPerSecond,
    firstNumber: startedAt * numbersPerMs,
  });
  const runner = createMachineRunner<DistributionInput, DistributionEffect>({
    machine,
    clock,
    carryOut,
    now: clock.now,
  });
  runner.settle();

  function expect(node: string): void {
    send(node, { type: 'treeExpect', ccm, site, assignment, manifestBytes, dataBytes });
  }

  function keep({ leader: { segment, node }, session, nodes }: Participant): void {
    const known = bySegment.get(segment);
    const kept: Kept = known ?? {
      ...{ leader: node, session, wanted: new Set(), needing: new Set(), figures: new Map() },
      ...{ isHeld: false },
      ...{ avoided: null, error: null },
    };
    bySegment.set(segment, kept);
    if (kept.leader !== node) {
      kept.isHeld = false;
      kept.figures.clear();
      kept.avoided = null;
      kept.error = null;
    }
    kept.leader = node;
    kept.session = session;
    if (kept.needing.size === 0 && nodes.length > 0) needed += 1;
    for (const name of nodes) {
      const before = segmentOf.get(name);
      if (before !== undefined && before !== segment) forget(before, name);
      segmentOf.set(name, segment);
      kept.wanted.add(name);
      kept.needing.add(name);
    }
  }

  /** It is to have it another way. */
  function forget(segment: string, node: string): void {
    bySegment.get(segment)?.wanted.delete(node);
    leaveOne(segment, node);
  }

  function leaveOne(segment: string, node: string): void {
    const kept = bySegment.get(segment);
    if (kept?.needing.delete(node) !== true || kept.needing.size > 0) return;
    needed -= 1;
    runner.handle({ input: 'segmentLeft', segment });
    if (!kept.isHeld) send(kept.leader, { type: 'treeEnd', ccm, assignment });
  }

  function handOut(planned: PlannedHandOut) {
    const sources = given.get(planned.node) ?? new Set();
    given.set(planned.node, sources);
    for (const { node } of planned.sources) sources.add(node);
    lastSources.set(planned.node, planned.sources);
    return writeHandOut(subject, planned);
  }

  function nextLeaders(bringer: string, planned: readonly PlannedHandOut[]): NextLeader[] {
    const next: NextLeader[] = [];
    for (const each of planned) {
      const signed = handOut(each);
      const place = placeOf(each.node);
      // It has none any more: over its own link.
      if (place === null) send(each.node, { type: 'handOut', handOut: signed });
      else {
        next.push({ node: each.node, ...place, handOut: signed });
        brought.set(each.node, (brought.get(each.node) ?? new Set()).add(bringer));
      }
    }
    return next;
  }

  function take(fact: DistributionFact): void {
    if (fact.fact === 'complete') completedAt ??= clock.now();
    if (fact.fact === 'state') {
      const kept = bySegment.get(fact.leader.segment);
      if (kept?.leader === fact.leader.node) kept.isHeld = fact.leader.state === 'held';
    }
    if (fact.fact === 'avoided') {
      for (const kept of bySegment.values()) if (kept.leader === fact.node) kept.avoided = fact.trouble;
    }
    options.onFact(fact);
  }

  function carryOut(effect: DistributionEffect): void {
    switch (effect.effect) {
      case 'handOut':
        send(effect.handOut.node, { type: 'handOut', handOut: handOut(effect.handOut) });
        return;
      case 'answer': {
        const { node, more } = effect;
        send(node, { type: 'treeNextAnswer', ccm, assignment, next: nextLeaders(node, effect.next), more });
        return;
      }
      case 'deliver':
        take(effect.fact);
        return;
      case 'log':
        options.onLog(effect.event, { assignment, ...effect.data });
    }
  }

  /** Of sources that it was given, what it has not said before. */
  function newFigures(kept: Kept, figures: readonly TransferFigures[]): TransferFigures[] {
    const total = manifestBytes + dataBytes;
    const sources = given.get(kept.leader);
    return figures.filter((each) => {
      const key = `${each.node ?? ''} ${each.bytes} ${each.ms}`;
      const isNew = !kept.figures.has(key);
      const isPossible = sources?.has(each.node) === true && each.bytes <= total;
      if (!isNew || !isPossible || kept.figures.size >= figuresMax) return false;
      kept.figures.set(key, each);
      return true;
    });
  }

  /** Sealed and plain data end with a block of their own each, so there may be one more than their sum has. */
  function heldOf({ heldBlocks }: Pick<TreeAgentMessage, 'heldBlocks'>): number {
    return heldBlocks === subject.blocks + 1 ? subject.blocks : heldBlocks;
  }

  function hear(segment: string, message: TreeAgentMessage): readonly TransferFigures[] {
    const kept = bySegment.get(segment);
    if (kept === undefined || isClosed) return [];
    const node = kept.leader;
    const heldBlocks = heldOf(message);
    switch (message.type) {
      case 'treeState': {
        const { state, number, error } = message;
        const figures = newFigures(kept, message.figures);
        kept.error = state === 'failed' ? error : null;
        runner.handle({ input: 'state', node, state, number, heldBlocks, figures });
        return figures;
      }
      case 'treeNext': {
        const { room, unreached } = message;
        runner.handle({ input: 'next', node, heldBlocks, room, unreached });
        return [];
      }
      case 'treeSourceLost': {
        const { number, source, trouble } = message;
        runner.handle({ input: 'sourceLost', node, number, source, trouble, heldBlocks });
        return [];
      }
    }
  }

  function close(): void {
    isClosed = true;
    runner.close();
  }

  return {
    subject,
    startedAt,
    get completedAt() {
      return completedAt;
    },
    get isOver() {
      return isClosed;
    },
    get nodes() {
      return segmentOf.size;
    },
    join(participants) {
      for (const participant of participants) {
        const { leader, session } = participant;
        const known = bySegment.get(leader.segment);
        const isNews = known === undefined || known.session !== session || known.needing.size === 0;
        keep(participant);
        if (!isNews) continue;
        expect(leader.node);
        runner.handle({ input: 'leader', leader });
      }
    },
    leave(nodes) {
      for (const node of nodes) {
        const segment = segmentOf.get(node);
        if (segment !== undefined) leaveOne(segment, node);
      }
      if (!isClosed && needed === 0) close();
    },
    leaderOf(segment) {
      const kept = bySegment.get(segment);
      return kept === undefined || kept.needing.size === 0 ? undefined : kept.leader;
    },
    gone(segment) {
      const kept = bySegment.get(segment);
      if (kept !== undefined) runner.handle({ input: 'leaderGone', segment, node: kept.leader });
    },
    hear,
    blames(node, source) {
      const own = blamed.get(node) ?? new Set();
      if (given.get(node)?.has(source) !== true || own.has(source) || own.size >= blamedMax) return false;
      blamed.set(node, own.add(source));
      return true;
    },
    brings: (node, next) => brought.get(next)?.has(node) === true,
    shown: () =>
      machine.leaders().map((leader) => {
        const kept = bySegment.get(leader.segment);
        return {
          ...leader,
          // The machine forgets them when everything is there.
          sources: leader.sources.length > 0 ? leader.sources : (lastSources.get(leader.node) ?? []),
          nodes: kept?.wanted ?? new Set<string>(),
          figures: [...(kept?.figures.values() ?? [])],
          avoided: kept?.avoided ?? null,
          error: kept?.error ?? null,
        };
      }),
    close,
  };
}
