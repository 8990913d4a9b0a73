// What must hold in a simulated distribution, and what is said when it does not (TREE-84). The first violation counts. It keeps a picture of its own, of what the CCM
// ordered and what it was told, and compares it with what there really is.

import type { TreeState } from '../../model/tree-messages.ts';
import type { TreeShape } from '../../protocol/tree/shape-tree.ts';
import type { DistributionFact, PlannedHandOut, TreeLeader } from '../../protocol/tree/tree-machines.ts';
import type { Violation } from '../segment/segment-run.ts';
import type { LeaderWord, SimLeader } from './sim-leader.ts';
import type { TreeCells } from './tree-cells.ts';
import type { Source } from './tree-flow.ts';
import type { TreePlan } from './tree-plan.ts';

export interface TreeChecks {
  /** By the CCM, over a link or for another leader to bring. */
  handedOut(handOut: PlannedHandOut): void;
  answered(node: string, next: readonly PlannedHandOut[]): void;
  delivered(fact: DistributionFact): void;
  ccmHeard(word: LeaderWord): void;
  ccmStarted(): void;
  wordAtCcm(node: string): void;
  /** It is told that the assignment comes: from now on others may be told to wait for it there. */
  expects(node: string): void;
  /** What the CCM goes by from now on. */
  shaped(shape: TreeShape): void;
  described(leader: TreeLeader): void;
  saidState(leader: SimLeader, state: TreeState, heldBlocks: number): void;
  asked(leader: SimLeader, unreached: number): void;
  heard(leader: SimLeader, more: 'later' | 'none'): void;
  /** Another process, another session, or what it held is gone. */
  renewed(leader: SimLeader): void;
  fetches(leader: SimLeader, source: Source): void;
  gotAgain(leader: SimLeader, cell: number): void;
  serves(leader: SimLeader, children: number): void;
  finished(end: TreeEnd): void;
  violation(): Violation | null;
}

export interface TreeEnd {
  /** Alive, not cut off, and of a segment that needs it. */
  readonly leaders: readonly SimLeader[];
  readonly isComplete: boolean;
  readonly isInTime: boolean;
  readonly lastNodeMs: number;
  readonly limitMs: number;
  /** Through the size: what the CCM sent, and what all sent. */
  readonly ccmEgressRatio: number;
  readonly sentRatio: number;
}

/** What is known of a node from outside the machine. */
interface Picture {
  /** Of the newest hand-out. */
  sources: PlannedHandOut['sources'];
  number: number;
  /** This run of the CCM has told it that the assignment comes, or has heard of it. */
  isSource: boolean;
  hasSaidHeld: boolean;
  /** The CCM has told that it holds all. */
  countsAsHolder: boolean;
  isHidden: boolean;
  /** It said that these are corrupt, or lack what they should have. */
  readonly accused: Set<string>;
  isAvoided: boolean;
  leader: TreeLeader | null;
  room: number;
  words: number;
  /** Since it was renewed: an answer to an earlier question says nothing. */
  hasAsked: boolean;
  nothingMore: boolean;
  fetches: number;
  again: number;
}

/** Words between the CCM and one leader in which nothing goes wrong, and what troubles may add. */
const wordsPlain = 8;
const wordsMax = 150;
/** Smaller ones may all come from the CCM. */
const largeBytes = 1_000_000;
const egressMax = 3.01;
/** Of any leader. */
const bearsMax = 16;
/** One more when there is no other place (TREE-29), or for those who lost their source, those who have not yet ended where they were, and those that were taken for dead and come back. */
const servedBeyond = 5;

export function createTreeChecks(plan: TreePlan, cells: TreeCells, now: () => number): TreeChecks {
  const pictures = new Map<string, Picture>();
  const isPlain =
    plan.faults.length === 0 && plan.weather.lost + plan.weather.late + plan.weather.doubled === 0;
  let violation: Violation | null = null;
  let shape: TreeShape | undefined;
  let formerShape: TreeShape | undefined;

  function violate(checker: string, what: string): void {
    violation ??= { checker, what, at: Math.round(now()) };
  }

  function of(node: string): Picture {
    let picture = pictures.get(node);
    if (picture === undefined) {
      picture = {
        ...{
          sources: [],
          number: 0,
          isSource: false,
          hasSaidHeld: false,
          countsAsHolder: false,
          isHidden: false,
        },
        ...{ accused: new Set<string>(), isAvoided: false, leader: null, room: 0, words: 0 },
        ...{ hasAsked: false, nothingMore: false, fetches: 0, again: 0 },
      };
      pictures.set(node, picture);
    }
    return picture;
  }

  /** From source to source up to the CCM, or to one that holds all. */
  function checkCycle(node: string, part: number): void {
    let at: string | null = node;
    for (let step = 0; at !== null; step += 1) {
      const picture = of(at);
      if (step > 0 && (picture.hasSaidHeld || at === node)) {
        if (at === node) violate('cycle', `${node} depends on itself for part ${part}`);
        return;
      }
      const source = picture.sources.find((one) => one.part === part);
      if (source === undefined || step > 100_000) return;
      at = source.node;
    }
  }

  return {
    handedOut(handOut) {
      const { node, number, sources } = handOut;
      const picture = of(node);
      if (plan.leaders.length > 0 && node === 'stranger') violate('no-part', 'a stranger was handed out to');
      // The same once more is the same.
      if (number < picture.number) violate('numbers', `${node}: ${number} after ${picture.number}`);
      const [first] = sources;
      if (
        first === undefined ||
        sources.length !== first.parts ||
        new Set(sources.map(({ part }) => part)).size !== first.parts ||
        sources.some(({ parts, part }) => parts !== first.parts || part >= parts)
      )
        violate('parts', `${node} does not get each part once`);
      const isNews = number > picture.number;
      picture.number = number;
      picture.sources = sources;
      for (const { node: source, part } of sources) {
        if (source === null || !isNews) continue;
        const named = of(source);
        if (!named.isSource)
          violate('asked-for-what-it-lacks', `${node} is to fetch from ${source}, which has no part in it`);
        if (named.isHidden)
          violate('hidden-source', `${node} is to fetch from ${source}, whom nobody reaches`);
        if (named.isAvoided) violate('avoided', `${node} is to fetch from ${source}, which is avoided`);
        if (picture.accused.has(source))
          violate('accused', `${node} has accused ${source}, and gets it again`);
        checkCycle(node, part);
      }
      picture.isSource = true;
    },
    answered(node, next) {
      const { room } = of(node);
      if (next.length > room) violate('room', `${node} has room for ${room} and is to notify ${next.length}`);
      for (const one of next)
        if (of(one.node).isHidden)
          violate('hidden-next', `${node} is to notify ${one.node}, whom nobody reaches`);
    },
    delivered(fact) {
      if (fact.fact === 'avoided') of(fact.node).isAvoided = true;
      if (fact.fact === 'state') of(fact.leader.node).countsAsHolder = fact.leader.state === 'held';
      if (fact.fact === 'state' && fact.leader.state === 'held' && !of(fact.leader.node).hasSaidHeld)
        violate('announced', `${fact.leader.node} counts as a holder, and never said so`);
    },
    ccmHeard(word) {
      const picture = of(word.node);
      if (word.input === 'state') {
        picture.hasSaidHeld = word.state === 'held' && word.heldBlocks === cells.blocks;
        if (word.state === 'fetching' || word.state === 'held') picture.isSource = true;
      } else if (word.input === 'next') {
        picture.isSource = true;
        picture.room = word.room;
      } else if (
        word.source !== null &&
        !picture.hasSaidHeld &&
        (word.trouble === 'corrupt' || word.trouble === 'lacks') &&
        word.number === picture.number &&
        picture.sources.some(({ node }) => node === word.source) &&
        of(word.source).countsAsHolder
      )
        picture.accused.add(word.source);
    },
    ccmStarted() {
      for (const picture of pictures.values()) {
        picture.isSource = false;
        picture.hasSaidHeld = false;
        picture.countsAsHolder = false;
        picture.isAvoided = false;
        picture.accused.clear();
        picture.sources = [];
      }
    },
    wordAtCcm(node) {
      const picture = of(node);
      picture.words += 1;
      if (picture.words > (isPlain ? wordsPlain + plan.leaders.length / 8 : wordsMax))
        violate('messages', `${picture.words} words between the CCM and ${node}`);
    },
    expects: (node) => {
      of(node).isSource = true;
    },
    shaped(given) {
      formerShape = shape;
      shape = given;
    },
    described(leader) {
      const picture = of(leader.node);
      picture.isHidden = leader.place === null;
      picture.leader = leader;
    },
    saidState(leader, state, heldBlocks) {
      if (state === 'held' && (!leader.isWhole() || heldBlocks !== cells.blocks))
        violate('exact-bytes', `${leader.node.name} says that it holds all, and does not`);
      if (heldBlocks > leader.heldBlocks)
        violate('announced', `${leader.node.name} says that it holds ${heldBlocks} of ${leader.heldBlocks}`);
    },
    asked(leader, unreached) {
      const picture = of(leader.node.name);
      if (picture.nothingMore && unreached === 0)
        violate('no-more', `${leader.node.name} asks again, and was told that there is nobody more`);
      picture.hasAsked = true;
      if (leader.heldBlocks === 0)
        violate('asked-too-early', `${leader.node.name} has nothing to serve and asks`);
    },
    heard(leader, more) {
      const picture = of(leader.node.name);
      if (picture.hasAsked) picture.nothingMore = more === 'none';
    },
    renewed(leader) {
      const picture = of(leader.node.name);
      picture.nothingMore = false;
      picture.hasAsked = false;
    },
    fetches(leader) {
      of(leader.node.name).fetches += 1;
    },
    gotAgain(leader, cell) {
      const picture = of(leader.node.name);
      picture.again += cells.blocksOf(cell);
      if (picture.again > plan.cellBlocks * picture.fetches)
        violate('fetched-twice', `${leader.node.name} got ${picture.again} blocks again`);
    },
    serves(leader, children) {
      const known = of(leader.node.name).leader;
      if (shape === undefined || known === null) return;
      // A CCM that has started again plans anew as its leaders come, and knows of those alone that it has ordered there itself.
      const bears = formerShape === undefined ? shape.bears(known) : bearsMax + formerShape.bears(known);
      if (children > bears + (isPlain ? 1 : servedBeyond))
        violate('children', `${children} fetch from ${leader.node.name}, which bears ${bears}`);
    },
    finished({ leaders, isComplete, isInTime, ...end }) {
      for (const leader of leaders)
        if (!leader.isWhole())
          violate(
            'everyone-holds',
            `${leader.node.name} is there and has ${leader.heldBlocks} of ${cells.blocks} blocks`,
          );
      if (!isComplete && leaders.length > 0) {
        const unknown = leaders.filter(({ node }) => !of(node.name).hasSaidHeld).map(({ node }) => node.name);
        violate(
          'complete',
          `everybody holds it, and the CCM does not know; ${unknown.join(', ')} did not say so`,
        );
      }
      if (!isInTime) violate('in-time', 'it took too long');
      if (!isPlain) return;
      const { lastNodeMs, limitMs, ccmEgressRatio, sentRatio } = end;
      if (plan.isEven && lastNodeMs > evenBoundMs(plan, limitMs))
        violate('in-time', `${Math.round(lastNodeMs)} ms for what takes ${Math.round(limitMs)} at least`);
      const serving = plan.leaders.filter(({ isHidden, isOpen }) => isOpen && !isHidden).length;
      if (plan.isEven && serving > 3 && plan.bytes > largeBytes && ccmEgressRatio > egressMax)
        violate('egress', `the CCM sent it ${ccmEgressRatio.toFixed(2)} times`);
      if (sentRatio > plan.leaders.length * 1.01)
        violate('extra', `it was sent ${sentRatio.toFixed(2)} times to ${plan.leaders.length} leaders`);
    },
    violation: () => violation,
  };
}

/** Where all links are alike and nothing happens: no wait for a timer fits into it. */
function evenBoundMs({ leaders, ccm, bytes, isMeasured }: TreePlan, limitMs: number): number {
  const wayMs = 2 * ccm.accessMs + Math.max(...leaders.map(({ x, y }) => Math.hypot(x - ccm.x, y - ccm.y)));
  // Of links that nobody has measured the plan may be the wrong one.
  const steps = isMeasured ? 1.5 * Math.log2(2 * leaders.length) : leaders.length;
  const times = isMeasured ? 2 : bytes > largeBytes ? 3 : 1 + leaders.length;
  return times * limitMs + 2000 + 16 * wayMs * steps;
}
