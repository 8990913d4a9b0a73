// A way told step by step: what is said to the machine that chooses it, what time passes, and what it did.

import assert from 'node:assert/strict';
import {
  createWayChooser,
  type LeaderPlace,
  type WayChooser,
  type WayInput,
  wayTiming,
} from '../way-chooser.ts';

export const first: LeaderPlace = { node: 'web-1', address: '10.0.0.1', port: 17_447 };
export const second: LeaderPlace = { node: 'web-2', address: '10.0.0.2', port: 17_447 };

export interface Story {
  readonly chooser: WayChooser;
  /** What was done since the last look, in words. */
  did(): string;
  say(input: WayInput): void;
  /** Lets that much time pass. */
  pass(ms: number): void;
  now(): number;
}

export function story(random: () => number = () => 0.5): Story {
  const chooser = createWayChooser({ random });
  const done: string[] = [];
  let now = 1_000_000;
  function drain(): void {
    for (let effect = chooser.pollEffect(); effect !== undefined; effect = chooser.pollEffect())
      done.push(effect.effect === 'connect' ? `connect ${effect.leader.node}` : effect.effect);
  }
  drain();
  return {
    chooser,
    did: () => done.splice(0).join(', '),
    say(input) {
      chooser.handle(now, input);
      drain();
    },
    pass(ms) {
      const end = now + ms;
      for (
        let next = chooser.nextTimeout();
        next !== undefined && next <= end;
        next = chooser.nextTimeout()
      ) {
        now = Math.max(now, next);
        chooser.onTimeout(now);
        drain();
      }
      now = end;
    },
    now: () => now,
  };
}

export const follows = (leader: LeaderPlace | null): WayInput => ({ input: 'leader', leader, leads: false });
export const session = (text: string | null): WayInput => ({ input: 'session', session: text });
export const answer = (said: 'behind' | 'call' | 'refused'): WayInput => ({ input: 'answer', answer: said });

/** Behind the first leader, its own link given up. */
export function behind(random?: () => number): Story {
  const told = story(random);
  told.say({ input: 'welcomed' });
  told.say(follows(first));
  told.pass(wayTiming.settleMs);
  told.say(session('s1'));
  told.say(answer('behind'));
  assert.equal(told.did(), 'link, connect web-1, open, behind, unlink');
  assert.equal(told.chooser.isBehind, true);
  return told;
}
