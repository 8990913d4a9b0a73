// A simulated group leader: the product's machine, and what its driver does with sockets and a disk, in virtual time: flows in, flows out, calls to
// those it is to notify, words over its link. Its verified blocks survive its process.

import type { SourceTrouble, TransferFigures, TreePart } from '../../model/tree-messages.ts';
import type {
  DistributionInput,
  PlannedHandOut,
  RelayEffect,
  RelayInput,
  RelayMachine,
  SourceChoice,
} from '../../protocol/tree/tree-machines.ts';
import { createLazyTimer } from '../mctp/lazy-timer.ts';
import type { TreeChecks } from './tree-checks.ts';
import { createTreeFlow, type Fetcher, type FlowWorld, type Source, type TreeFlow } from './tree-flow.ts';
import type { WanNode } from './tree-wan.ts';

export type LeaderWord = Extract<DistributionInput, { readonly input: 'state' | 'next' | 'sourceLost' }>;

/** What the CCM says over a leader's link. */
export type CcmWord =
  | { readonly word: 'expect' }
  | { readonly word: 'handOut'; readonly handOut: PlannedHandOut }
  | { readonly word: 'end' }
  | { readonly word: 'answer'; readonly next: readonly PlannedHandOut[]; readonly more: 'later' | 'none' };

export interface SimLeaderOptions {
  readonly world: FlowWorld;
  readonly checks: TreeChecks;
  readonly node: WanNode;
  readonly segment: string;
  readonly createMachine: () => RelayMachine;
  /** The driver takes blocks without looking at their hashes: a planted mistake. */
  readonly takesAnything: boolean;
  readonly sourceOf: (node: string | null) => Source | undefined;
  readonly leaderOf: (node: string) => SimLeader | undefined;
  readonly say: (word: LeaderWord) => void;
  /** It holds all, verified. */
  readonly heldAll: () => void;
  readonly trace?: (line: string) => void;
}

export interface SimLeader extends Source, Fetcher {
  readonly segment: string;
  readonly heldBlocks: number;
  /** Holds every block, none of them corrupt. */
  isWhole(): boolean;
  hear(word: CcmWord): void;
  /** Brought over the link, or by another leader. False: it takes none. */
  take(handOut: PlannedHandOut): boolean;
  linkUp(): void;
  linkDown(): void;
  /** Has these cells from before. */
  hold(cells: readonly number[]): void;
  kill(): void;
  start(): void;
  /** What it held is gone from its disk. */
  vanish(): void;
  readonly wrongs: LeaderWrongs;
}

/** What is wrong with it, as faults set it. */
export interface LeaderWrongs {
  corrupts: boolean;
  /** Says that it holds all, and answers that it lacks it. */
  lies: boolean;
  /** Takes connections, says that it has more, and sends nothing. */
  mute: boolean;
}

const notifyMs = 3000;
/** Progress is told so many times, and with the first and the last. */
const progressTold = 16;

export function createSimLeader(options: SimLeaderOptions): SimLeader {
  const { world, checks, node, segment } = options;
  const { queue, wan, cells } = world;
  const held = new Uint8Array(cells.count);
  const coming = new Uint8Array(cells.count);
  const serves = new Set<TreeFlow>();
  const servedOf = new Map<string, number>();
  const handOuts = new Map<string, PlannedHandOut>();
  const wrongs: LeaderWrongs = { corrupts: false, lies: false, mute: false };
  let figures: TransferFigures[] = [];
  let flows: TreeFlow[] = [];
  let heldBlocks = 0;
  let heldCells = 0;
  let toldCells = 0;
  let machine = options.createMachine();
  let isExpected = false;
  const stepCells = Math.max(1, Math.floor(cells.count / progressTold));
  const timer = createLazyTimer(
    queue,
    () => (node.isUp ? machine.nextTimeout() : undefined),
    () => {
      machine.onTimeout(queue.now());
      drain();
    },
  );

  function tell(input: RelayInput): void {
    if (!node.isUp) return;
    if (options.trace !== undefined && input.input !== 'progress')
      options.trace(`${node.name} · ${JSON.stringify(input)}`);
    machine.handle(queue.now(), input);
    drain();
  }

  function drain(): void {
    for (let effect = machine.pollEffect(); effect !== undefined; effect = machine.pollEffect()) act(effect);
    timer.arm();
  }

  function act(effect: RelayEffect): void {
    if (options.trace !== undefined) options.trace(`${node.name} → ${JSON.stringify(effect)}`);
    switch (effect.effect) {
      case 'fetch':
        fetch(effect.sources);
        return;
      case 'notify':
        notify(effect.node);
        return;
      case 'sayState': {
        const { state, number } = effect;
        checks.saidState(leader, state, effect.heldBlocks);
        options.say({
          ...{ input: 'state', node: node.name, state: wrongs.lies ? 'held' : state, number },
          heldBlocks: wrongs.lies ? cells.blocks : effect.heldBlocks,
          figures: state === 'held' ? figures : [],
        });
        if (state === 'held') figures = [];
        return;
      }
      case 'askNext': {
        const { room, unreached } = effect;
        checks.asked(leader, unreached.length);
        options.say({ input: 'next', node: node.name, heldBlocks: effect.heldBlocks, room, unreached });
        return;
      }
      case 'sayLost': {
        const { number, source, trouble } = effect;
        options.say({
          ...{ input: 'sourceLost', node: node.name, number, source, trouble },
          heldBlocks: effect.heldBlocks,
        });
        return;
      }
      case 'log':
        return;
    }
  }

  function fetch(sources: readonly SourceChoice[]): void {
    const isWanted = ({ source, part }: TreeFlow): boolean =>
      sources.some(
        (one) =>
          (options.sourceOf(one.node) ?? null) === source &&
          one.part === part.part &&
          one.parts === part.parts,
      );
    for (const flow of flows) if (!isWanted(flow)) end(flow);
    flows = flows.filter((flow) => !flow.isClosed);
    for (const { node: from, part, parts } of sources) {
      const wanted: TreePart = { part, parts };
      const source = options.sourceOf(from);
      if (source === undefined || !cells.ofPart(wanted).some((cell) => held[cell] === 0)) continue;
      if (
        flows.some((flow) => flow.source === source && flow.part.part === part && flow.part.parts === parts)
      )
        continue;
      const flow = createTreeFlow(world, leader, source, wanted);
      flows.push(flow);
      checks.fetches(leader, source);
      flow.open();
    }
  }

  function end(flow: TreeFlow): void {
    flow.close();
    figures.push({
      node: flow.source === options.sourceOf(null) ? null : flow.source.node.name,
      bytes: flow.bytes,
      ms: Math.round(queue.now() - flow.beganAt),
      delayMs: 2 * wan.delayMs(node, flow.source.node),
    });
  }

  function notify(name: string): void {
    const handOut = handOuts.get(name);
    const child = options.leaderOf(name);
    handOuts.delete(name);
    if (handOut === undefined || child === undefined) {
      tell({ input: 'notified', node: name, outcome: 'unreachable' });
      return;
    }
    wan.call({
      from: node,
      to: child.node,
      boundMs: notifyMs,
      arrive: () => child.take(handOut),
      answered: (isTaken) =>
        tell({ input: 'notified', node: name, outcome: isTaken ? 'accepted' : 'refused' }),
      failed: () => tell({ input: 'notified', node: name, outcome: 'unreachable' }),
    });
  }

  function progress(): void {
    toldCells = heldCells;
    tell({ input: 'progress', heldBlocks, blocks: cells.blocks });
  }

  function closeServed(): void {
    for (const flow of [...serves]) flow.reset();
    servedOf.clear();
  }

  const leader: SimLeader = {
    ...{ node, segment, held, coming, serves, wrongs },
    get heldBlocks() {
      return heldBlocks;
    },
    isWhole: () => heldCells === cells.count && !held.includes(2),
    isCcm: false,
    offers: () => node.isUp && (isExpected || heldCells === cells.count),
    has: (cell) => held[cell] !== 0 && !wrongs.mute,
    claims: (cell) => held[cell] !== 0 || wrongs.mute,
    denies: () => wrongs.lies,
    isCorrupt: () => wrongs.corrupts,
    served(flow, isServed) {
      const name = flow.fetcher.node.name;
      const count = (servedOf.get(name) ?? 0) + (isServed ? 1 : -1);
      if (count < 0) return;
      servedOf.set(name, count);
      if (isServed) checks.serves(leader, [...servedOf.values()].filter((each) => each > 0).length);
      if (isServed ? count === 1 : count === 0) tell({ input: 'serving', node: name, isServed });
    },
    got(flow, cell, isCorrupt) {
      if (isCorrupt && !options.takesAnything) {
        checks.gotAgain(leader, cell);
        end(flow);
        leader.failed(flow, 'corrupt');
        return;
      }
      if (held[cell] !== 0) {
        checks.gotAgain(leader, cell);
        return;
      }
      held[cell] = isCorrupt ? 2 : 1;
      heldCells += 1;
      heldBlocks += cells.blocksOf(cell);
      for (const one of serves) one.pump();
      if (heldCells === 1 || heldCells === cells.count || heldCells - toldCells >= stepCells) progress();
      if (heldCells === cells.count) options.heldAll();
    },
    failed(flow, trouble: SourceTrouble) {
      flows = flows.filter((one) => one !== flow);
      const name = flow.source === options.sourceOf(null) ? null : flow.source.node.name;
      tell({ input: 'sourceFailed', source: name, trouble });
    },
    finished(flow) {
      end(flow);
      flows = flows.filter((one) => one !== flow);
    },
    hear(word) {
      if (!node.isUp) return;
      if (word.word === 'expect') {
        isExpected = true;
        tell({ input: 'expected' });
        if (heldCells > 0) progress();
      } else if (word.word === 'handOut') leader.take(word.handOut);
      else if (word.word === 'end') {
        isExpected = false;
        checks.renewed(leader);
        tell({ input: 'ended' });
        // What does not come any more is not there for others either.
        if (!leader.offers()) closeServed();
      } else {
        for (const handOut of word.next) handOuts.set(handOut.node, handOut);
        checks.heard(leader, word.more);
        tell({ input: 'answer', next: word.next.map((next) => next.node), more: word.more });
      }
    },
    take(handOut) {
      if (!node.isUp || handOut.node !== node.name) return false;
      isExpected = true;
      tell({ input: 'handOut', number: handOut.number, sources: handOut.sources });
      return true;
    },
    linkUp: () => tell({ input: 'link', isUp: true }),
    linkDown: () => tell({ input: 'link', isUp: false }),
    hold(list) {
      for (const cell of list) {
        if (held[cell] !== 0) continue;
        held[cell] = 1;
        heldCells += 1;
        heldBlocks += cells.blocksOf(cell);
      }
    },
    kill() {
      node.isUp = false;
      for (const flow of flows) flow.close();
      flows = [];
      closeServed();
    },
    start() {
      node.isUp = true;
      node.life += 1;
      machine = options.createMachine();
      isExpected = false;
      figures = [];
      handOuts.clear();
      drain();
    },
    vanish() {
      held.fill(0);
      heldCells = 0;
      heldBlocks = 0;
      toldCells = 0;
      for (const flow of flows) end(flow);
      flows = [];
      closeServed();
      tell({ input: 'vanished' });
    },
  };
  return leader;
}
