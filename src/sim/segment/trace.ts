// What happened in a run, line by line, for people who look for the cause of a violation. LAs and `here` that only repeat are left out.

import type { ControlMessage } from '../../model/segment.ts';
import type { LeaderClaim } from '../../protocol/segment/acceptance.ts';
import type { MemberFact } from '../../protocol/segment/segment-member.ts';
import { describeFault, seconds } from '../faults/describe-fault.ts';
import type { Fault } from '../faults/fault.ts';
import type { RunPlan } from './run-plan.ts';
import type { Violation } from './segment-run.ts';
import type { NodeView } from './segment-view.ts';

export interface Trace {
  line(node: NodeView, what: string): void;
  sent(
    node: NodeView,
    to: { readonly group: true } | { readonly node: string },
    message: ControlMessage,
  ): void;
  told(node: NodeView, fact: MemberFact): void;
  fault(fault: Fault): void;
  accepted(claim: LeaderClaim | null): void;
  violation(violation: Violation): void;
}

export function createTrace(plan: RunPlan, now: () => number, print: (line: string) => void): Trace {
  const names = plan.members.map(({ name }) => name);
  /** The last LA and `here` of each node. */
  const repeated = new Map<string, string>();
  const say = (who: string, what: string): void => print(`${seconds(now()).padStart(10)}  ${who}  ${what}`);
  return {
    line: ({ name }, what) => say(name, what),
    sent({ name }, to, message) {
      const { type, ...rest } = message;
      const text =
        'members' in message
          ? `${message.members.length} members, list ${message.list}`
          : JSON.stringify(rest);
      if (type === 'leader-alive' || type === 'here') {
        if (repeated.get(name + type) === text) return;
        repeated.set(name + type, text);
      }
      say(name, `→ ${'group' in to ? 'all' : to.node}: ${type} ${text}`);
    },
    told({ name }, fact) {
      if (fact.fact === 'members') return;
      if (fact.fact !== 'segment-report') say(name, `· ${JSON.stringify(fact)}`);
      else {
        const { members, term, triggers } = fact.report;
        const offline = members.filter(({ online }) => !online).map(({ node }) => node);
        say(
          name,
          `· reports term ${term}, ${members.length} members, offline: ${offline.join(' ') || 'none'} (${triggers.join(' ')})`,
        );
      }
    },
    fault: (fault) => print(`---------- ${describeFault(fault, names)}`),
    accepted: (claim) =>
      say('CCM', claim === null ? 'accepts nobody' : `accepts ${claim.leader} in term ${claim.term}`),
    violation: ({ checker, what }) => say('!!!', `${checker}: ${what}`),
  };
}
