// What the checkers see of a simulated segment: the truth about every node, the CCM's view, and what happens, as it happens. They only look.

import type { ControlMessage, SegmentReport, SegmentTiming } from '../../model/segment.ts';
import type { Ballot } from '../../protocol/election/claim.ts';
import type { LeaderClaim } from '../../protocol/segment/acceptance.ts';
import type { MemberFact } from '../../protocol/segment/segment-member.ts';
import type { Fault } from '../faults/fault.ts';
import type { RunPlan } from './run-plan.ts';
import type { SegmentBounds } from './segment-bounds.ts';

export interface NodeView {
  readonly index: number;
  readonly name: string;
  isUp: boolean;
  isPaused: boolean;
  /** Of its present life. */
  upSince: number;
  /** Whom it follows, which may be itself; null: nobody. */
  leader: number | null;
  /** Of that leader. */
  term: number;
  isRegistered: boolean;
  /** What survives a crash of this node: the newest term, and whom it stood for there. */
  durableTerm: number;
  durableVote: string | null;
}

export interface SegmentView {
  readonly plan: RunPlan;
  readonly timing: SegmentTiming;
  readonly bounds: SegmentBounds;
  now(): number;
  readonly nodes: readonly NodeView[];
  /** By name; undefined for a stranger. */
  node(name: string): NodeView | undefined;
  /** Whether nothing that one sends reaches the other. */
  isCut(from: number, to: number): boolean;
  /** Whether a fault that only touches it keeps this node from doing its part in time: paused, slow, its packets lost, its disk failing. */
  isTroubled(node: number): boolean;
  /** When the last fault began or ended. */
  disturbedAt(): number;
  readonly ccm: {
    accepted(): LeaderClaim | null;
    /** By the accepted leader's last report; whether it is online. */
    readonly members: ReadonlyMap<string, boolean>;
    isLinked(node: number): boolean;
    /** Whether messages pass. */
    isHeard(node: number): boolean;
  };
  /** How well a node would lead, by its own reckoning. */
  priority(node: number): number;
}

/** What a checker wants to be told. All of it comes after the views have been brought up to date. */
export interface Checker {
  readonly name: string;
  started?(node: NodeView): void;
  stopped?(node: NodeView): void;
  sent?(
    node: NodeView,
    message: ControlMessage,
    to: { readonly group: true } | { readonly node: string },
  ): void;
  heard?(node: NodeView, from: NodeView, message: ControlMessage): void;
  /** Before the view has it. */
  persisted?(node: NodeView, ballot: Ballot): void;
  /** It follows somebody else, or another term. */
  followed?(node: NodeView): void;
  told?(node: NodeView, fact: MemberFact): void;
  /** It stood still for so long. */
  resumed?(node: NodeView, pausedMs: number): void;
  accepted?(claim: LeaderClaim | null): void;
  reported?(report: SegmentReport): void;
  faulted?(fault: Fault): void;
  /** Several times a second. */
  tick?(): void;
}

/** `violate` ends the run: what was to hold and does not. */
export type MakeChecker = (view: SegmentView, violate: (what: string) => void) => Checker;
