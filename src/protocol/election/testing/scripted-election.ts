// One election machine that a test talks to: what it says and tells comes back as short lines. The others are the test's own words.

import type { ControlMessage, SegmentTiming } from '../../../model/segment.ts';
import { segmentTimings } from '../../segment/timing.ts';
import { type Ballot, emptyBallot } from '../claim.ts';
import { createElection, type Election } from '../election.ts';
import type { ElectionEffect, ElectionInput } from '../election-messages.ts';
import type { Candidate } from '../standing.ts';

export const plainCandidate: Candidate = {
  role: 'allowed',
  factor: 1,
  resources: {
    ...{ cpus: 4, idle: 0.5, freeBytes: 1e10, linkBitsPerSecond: 1e9 },
    ...{ reliability: 0.9, content: 0.5 },
  },
};

/** Of plainCandidate while it has not led and knows of four others. */
export const plainPriority = 440;

export interface ScriptedElection {
  readonly election: Election;
  readonly now: number;
  readonly timing: SegmentTiming;
  /** Time passes, timers fire when they are due. */
  pass(ms: number): string[];
  /** Time passes in which the process does nothing, and then a timer fires. */
  freeze(ms: number): string[];
  give(input: ElectionInput): string[];
  hear(from: string, type: ControlMessage['type'], term: number, priority?: number): string[];
  state(): string;
  /** All of it so far. */
  readonly lines: readonly { readonly at: number; readonly line: string }[];
}

export interface ScriptedOptions {
  readonly ballot?: Ballot;
  readonly candidate?: Candidate;
  readonly others?: number;
  readonly timing?: SegmentTiming;
  readonly random?: () => number;
}

/** The node is called m; so `a` is before it and `z` behind it. */
export function scriptedElection(options: ScriptedOptions = {}): ScriptedElection {
  const { timing = segmentTimings.fast } = options;
  const election = createElection({
    ...{ now: 0, node: 'm', timing, random: options.random ?? (() => 0.5) },
    ...{ ballot: options.ballot ?? emptyBallot, candidate: options.candidate ?? plainCandidate },
    ...{ others: options.others ?? 4, announced: () => ({ list: 0, revocations: 0, move: null }) },
  });
  const lines: { at: number; line: string }[] = [];
  let now = 0;

  function take(): string[] {
    const taken: string[] = [];
    for (let effect = election.pollEffect(); effect !== undefined; effect = election.pollEffect())
      taken.push(...describeEffect(effect));
    lines.push(...taken.map((line) => ({ at: now, line })));
    return taken;
  }

  const give = (input: ElectionInput): string[] => {
    election.handle(now, input);
    return take();
  };

  return {
    election,
    get now() {
      return now;
    },
    timing,
    lines,
    pass(ms) {
      const passed: string[] = [];
      for (const until = now + ms; ; ) {
        const due = election.nextTimeout();
        now = Math.min(due ?? until, until);
        if (due === undefined || due > until) return passed;
        election.onTimeout(now);
        passed.push(...take());
      }
    },
    freeze(ms) {
      now += ms;
      election.onTimeout(now);
      return take();
    },
    give,
    hear: (from, type, term, priority = 0) =>
      give({
        ...{ input: 'message', from },
        message: {
          type,
          term,
          priority,
          accepted: false,
          list: 0,
          revocations: 0,
          move: null,
        } as unknown as ControlMessage,
      }),
    state: () => election.status(now).state,
  };
}

function describeEffect(effect: ElectionEffect): string[] {
  const say = (to: object, message: ControlMessage): string =>
    `${message.type} ${message.term}${'node' in to ? ` to ${to.node}` : ''}`;
  switch (effect.effect) {
    case 'send':
      return [say(effect.to, effect.message)];
    case 'persist':
      return [
        `durable ${effect.state.term} ${effect.state.vote}`,
        ...effect.thenSend.map(({ to, message }) => say(to, message)),
      ];
    case 'deliver':
      return effect.fact.fact === 'leader'
        ? [`leader ${effect.fact.leader} ${effect.fact.term}`]
        : [effect.fact.fact];
    case 'log':
      return [];
  }
}
