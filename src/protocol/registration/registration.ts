// Who is in the segment: a member registers with the leader that the election names, the leader keeps the list and reports it to the CCM.
// Both sides in one machine, since each node may be either. Who leads is the election's matter. Rules: docs/spec/registration.md.

import type {
  ControlMessage,
  ListedMember,
  MemberDescription,
  SegmentMove,
  SegmentReport,
  SegmentTiming,
} from '../../model/segment.ts';
import type { Effect, Instant, Machine } from '../machine.ts';
import { createLeaderSide } from './leader-side.ts';
import { createListView } from './list-view.ts';
import { createMemberSide } from './member-side.ts';
import { type RegistrationRules, registrationRules } from './registration-rules.ts';

export interface RegistrationOptions {
  readonly node: string;
  readonly timing: SegmentTiming;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly self: MemberDescription;
  readonly rules?: RegistrationRules;
}

/** Reports that somebody asked for; all others come by themselves. */
export type AskedReport = 'operator' | 'ccm' | 'transfer';

export type RegistrationInput =
  | { readonly input: 'message'; readonly from: string; readonly message: ControlMessage }
  /** Whom the election settled on; null: nobody, also not this node. `priority` is this node's own, for its reports. */
  | {
      readonly input: 'leader';
      readonly leader: string | null;
      readonly term: number;
      readonly priority: number;
    }
  | { readonly input: 'self'; readonly self: MemberDescription }
  | { readonly input: 'report'; readonly why: AskedReport }
  | { readonly input: 'move'; readonly to: SegmentMove }
  /** Says goodbye to the group; nothing is sent after it. */
  | { readonly input: 'stop' };

export type RegistrationFact =
  /** The leader has this node in its list, or not (any more). */
  | { readonly fact: 'registered'; readonly registered: boolean }
  /** The leader is heard and does not hear this node, whatever it sends. */
  | { readonly fact: 'unheard'; readonly leader: string }
  /** A whole list, new to this node; of the leader, the one that it has just sent. Lists are counted by leader and term: two parts may be led in one term. */
  | {
      readonly fact: 'members';
      readonly leader: string;
      readonly term: number;
      readonly list: number;
      readonly members: readonly ListedMember[];
    }
  /** For the CCM; from a leader only. */
  | { readonly fact: 'segment-report'; readonly report: SegmentReport }
  /** Now is the moment to go there. */
  | { readonly fact: 'move'; readonly to: SegmentMove };

export type RegistrationEffect = Effect<ControlMessage, never, RegistrationFact>;

/** What both sides may do. */
export interface Outbox {
  send(to: { readonly group: true } | { readonly node: string }, message: ControlMessage): void;
  deliver(fact: RegistrationFact): void;
  log(event: string, data: Readonly<Record<string, string | number | boolean | null>>): void;
}

export interface Registration extends Machine<RegistrationInput, RegistrationEffect> {
  /** What this leader's LAs say. */
  announced(now: Instant): { list: number; move: (SegmentMove & { afterMs: number }) | null };
  /** The nodes of the last list, this one included, sorted by name. */
  members(): readonly ListedMember[];
  isRegistered(): boolean;
}

const never = Number.POSITIVE_INFINITY;

export function createRegistration(options: RegistrationOptions): Registration {
  const { node } = options;
  const effects: RegistrationEffect[] = [];
  const outbox: Outbox = {
    send: (to, message) => void effects.push({ effect: 'send', to, message }),
    deliver: (fact) => void effects.push({ effect: 'deliver', fact }),
    log: (event, data) => void effects.push({ effect: 'log', event, data }),
  };
  const view = createListView(node, options.rules ?? registrationRules);
  const side = { ...options, rules: options.rules ?? registrationRules, outbox, view };
  const member = createMemberSide(side);
  const leader = createLeaderSide(side);
  let move: { readonly at: Instant; readonly to: SegmentMove } | null = null;
  let followed = { leader: null as string | null, term: 0 };
  let isStopped = false;

  /** REG-21: of the leader that is followed; the last order counts. */
  function hearMove(now: Instant, from: string, message: ControlMessage): void {
    if (message.type !== 'leader-alive' || message.move === null) return;
    if (from !== followed.leader || message.term !== followed.term) return;
    const { afterMs, ...to } = message.move;
    move = { at: now + afterMs, to };
  }

  return {
    handle(now, input) {
      if (isStopped) return;
      leader.attend(now);
      switch (input.input) {
        case 'message':
          if (input.from === node) return;
          if (input.message.type === 'leave') view.drop(input.from);
          hearMove(now, input.from, input.message);
          member.message(now, input.from, input.message);
          leader.message(now, input.from, input.message);
          return;
        case 'leader':
          followed = { leader: input.leader, term: input.term };
          if (input.leader === node) {
            const former = member.end();
            leader.lead(now, input.term, input.priority, former);
          } else {
            leader.end();
            member.follow(now, input.leader, input.term);
          }
          return;
        case 'self':
          member.describe(now, input.self);
          leader.describe(now, input.self);
          return;
        case 'report':
          leader.report(now, input.why);
          return;
        case 'move':
          // REG-21: a successor goes on announcing the move that it has heard of.
          if (leader.isLeading()) move = { at: now + side.rules.moveAfterMs(options.timing), to: input.to };
          else outbox.log('move-ignored', { leader: followed.leader });
          return;
        case 'stop':
          outbox.send({ group: true }, { type: 'leave', term: followed.term });
          isStopped = true;
          return;
      }
    },

    onTimeout(now) {
      if (isStopped) return;
      leader.attend(now);
      member.onTimeout(now);
      leader.onTimeout(now);
      if (move === null || move.at > now) return;
      outbox.deliver({ fact: 'move', to: move.to });
      move = null;
    },

    pollEffect: () => effects.shift(),

    nextTimeout() {
      if (isStopped) return undefined;
      const next = Math.min(member.nextTimeout(), leader.nextTimeout(), move?.at ?? never);
      return next === never ? undefined : next;
    },

    announced: (now) => ({
      list: leader.list(),
      move: move === null ? null : { ...move.to, afterMs: Math.max(0, move.at - now) },
    }),
    members: () => view.members(),
    isRegistered: () => leader.isLeading() || member.isRegistered(),
  };
}
