// The simulated CCM: the product's machine for one assignment, its links to the leaders, and its content endpoint. Words over a link come in order and once, but
// where the weather says that they do not. A restart forgets everything but which segments are done.

import type {
  Distribution,
  DistributionEffect,
  DistributionInput,
  TreeLeader,
} from '../../protocol/tree/tree-machines.ts';
import type { Random } from '../kernel/random.ts';
import { createLazyTimer } from '../mctp/lazy-timer.ts';
import type { CcmWord, LeaderWord, SimLeader } from './sim-leader.ts';
import type { TreeChecks } from './tree-checks.ts';
import type { FlowWorld, Source, TreeFlow } from './tree-flow.ts';
import type { WanNode } from './tree-wan.ts';

/** What happens to words over a link, shares of all. */
export interface WordWeather {
  /** With such a word the link ends, and what is said until that is noticed. */
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
  readonly lateMs: number;
}

export interface SimTreeCcmOptions {
  readonly world: FlowWorld;
  readonly node: WanNode;
  readonly checks: TreeChecks;
  readonly random: Random;
  readonly weather: WordWeather;
  readonly createMachine: (leaders: readonly TreeLeader[], firstNumber: number) => Distribution;
  /** What it knows of a leader. */
  readonly described: (leader: SimLeader) => TreeLeader;
  /** The weather has broken its link. */
  readonly linkBroke: (leader: SimLeader) => void;
  readonly trace?: (line: string) => void;
}

export interface SimTreeCcm extends Source {
  /** Everybody who is there has its link, and the assignment is delivered. */
  begin(leaders: readonly SimLeader[]): void;
  /** A link is open, by a hello. */
  linkUp(leader: SimLeader): void;
  /** It has noticed that a link is lost. */
  linkDown(leader: SimLeader): void;
  hasLink(leader: SimLeader): boolean;
  /** A word of a leader, as it leaves it. */
  say(leader: SimLeader, word: LeaderWord): void;
  /** A word of one that has no part in it. */
  intrude(input: DistributionInput): void;
  segmentLeft(segment: string): void;
  stop(): void;
  start(): void;
  isComplete(): boolean;
  /** Words, both ways, with the work that goes to each leader. */
  words(): number;
}

interface Link {
  readonly leader: SimLeader;
  readonly session: number;
  lastToCcm: number;
  lastToLeader: number;
  isBroken: boolean;
}

/** Until it is noticed that nothing passes. */
const brokenMaxMs = 10_000;

export function createSimTreeCcm(options: SimTreeCcmOptions): SimTreeCcm {
  const { world, node, checks, random, weather, described } = options;
  const { queue, wan } = world;
  const links = new Map<string, Link>();
  const serves = new Set<TreeFlow>();
  const left = new Set<string>();
  let machine: Distribution | undefined;
  let sessions = 0;
  let words = 0;
  const timer = createLazyTimer(
    queue,
    () => machine?.nextTimeout(),
    () => {
      machine?.onTimeout(queue.now());
      drain();
    },
  );

  function handle(input: DistributionInput): void {
    if (machine === undefined) return;
    if (options.trace !== undefined) options.trace(`ccm · ${JSON.stringify(input)}`);
    machine.handle(queue.now(), input);
    drain();
  }

  function drain(): void {
    for (let effect = machine?.pollEffect(); effect !== undefined; effect = machine?.pollEffect())
      act(effect);
    timer.arm();
  }

  function act(effect: DistributionEffect): void {
    if (options.trace !== undefined && effect.effect !== 'deliver')
      options.trace(`ccm → ${JSON.stringify(effect)}`);
    if (effect.effect === 'handOut') {
      checks.handedOut(effect.handOut);
      toLeader(effect.handOut.node, { word: 'handOut', handOut: effect.handOut });
    } else if (effect.effect === 'answer') {
      for (const next of effect.next) checks.handedOut(next);
      checks.answered(effect.node, effect.next);
      toLeader(effect.node, { word: 'answer', next: effect.next, more: effect.more });
    } else if (effect.effect === 'deliver') checks.delivered(effect.fact);
  }

  function toLeader(name: string, word: CcmWord): void {
    const link = links.get(name);
    if (link === undefined) return;
    words += 1;
    checks.wordAtCcm(name);
    const { leader } = link;
    link.lastToLeader = carry(link, link.lastToLeader, () => leader.hear(word));
  }

  /** Hands a word on after its way; when the last one in order is there. */
  function carry(link: Link, last: number, hear: () => void): number {
    const { leader, session } = link;
    const arrives = queue.now() + wan.delayMs(node, leader.node);
    const heard = (): void => {
      if (links.get(leader.node.name)?.session !== session) return;
      if (wan.reaches(node, leader.node)) hear();
      else lose(link);
    };
    if (link.isBroken) return last;
    if (random.chance(weather.lost)) {
      lose(link);
      return last;
    }
    if (random.chance(weather.doubled)) queue.add(arrives + random.between(0, 500), heard, null, 0);
    if (random.chance(weather.late)) {
      queue.add(arrives + random.between(0, weather.lateMs), heard, null, 0);
      return last;
    }
    const at = Math.max(last, arrives);
    queue.add(at, heard, null, 0);
    return at;
  }

  /** Of a connection nothing is lost but its end: it is dead from now on, and somebody notices. */
  function lose(link: Link): void {
    if (link.isBroken) return;
    link.isBroken = true;
    queue.add(
      queue.now() + random.between(0, brokenMaxMs),
      () => links.get(link.leader.node.name) === link && options.linkBroke(link.leader),
      null,
      0,
    );
  }

  function expect(leader: SimLeader): void {
    // The work that needs it comes behind.
    words += 1;
    checks.expects(leader.node.name);
    toLeader(leader.node.name, { word: 'expect' });
  }

  function open(leader: SimLeader): void {
    sessions += 1;
    links.set(leader.node.name, {
      leader,
      session: sessions,
      lastToCcm: 0,
      lastToLeader: 0,
      isBroken: false,
    });
    leader.linkUp();
    if (!left.has(leader.segment)) expect(leader);
  }

  return {
    ...{ node, serves },
    isCcm: true,
    offers: () => machine !== undefined,
    has: () => true,
    claims: () => true,
    denies: () => false,
    isCorrupt: () => false,
    served: () => undefined,
    begin(leaders) {
      for (const leader of leaders) open(leader);
      machine = options.createMachine(leaders.map(described), 1);
      drain();
    },
    linkUp(leader) {
      if (machine === undefined) return;
      open(leader);
      if (!left.has(leader.segment)) handle({ input: 'leader', leader: described(leader) });
    },
    linkDown(leader) {
      if (!links.delete(leader.node.name)) return;
      handle({ input: 'leaderGone', segment: leader.segment, node: leader.node.name });
    },
    hasLink: (leader) => links.has(leader.node.name),
    say(leader, word) {
      const link = links.get(leader.node.name);
      if (link === undefined) return;
      link.lastToCcm = carry(link, link.lastToCcm, () => {
        if (machine === undefined) return;
        words += 1;
        checks.wordAtCcm(leader.node.name);
        checks.ccmHeard(word);
        handle(word);
      });
    },
    intrude: (input) => handle(input),
    segmentLeft(segment) {
      left.add(segment);
      for (const { leader } of links.values())
        if (leader.segment === segment) toLeader(leader.node.name, { word: 'end' });
      handle({ input: 'segmentLeft', segment });
    },
    stop() {
      machine = undefined;
      node.isUp = false;
      for (const { leader } of links.values()) leader.linkDown();
      links.clear();
      for (const flow of [...serves]) flow.reset();
    },
    start() {
      node.isUp = true;
      node.life += 1;
      checks.ccmStarted();
      machine = options.createMachine([], Math.round(queue.now()) * 1000 + 1_000_000);
      drain();
    },
    isComplete: () => machine?.isComplete === true,
    words: () => words,
  };
}
