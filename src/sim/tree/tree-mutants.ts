// Planted mistakes of a distribution: one decision that is wrong on purpose, to see that the checks find it.

import type { PlannedHandOut } from '../../protocol/tree/tree-machines.ts';
import type { TreeChanges } from './tree-changes.ts';

export interface TreeMutant {
  readonly name: string;
  /** What it does wrong. */
  readonly mistake: string;
  /** For one run. */
  readonly create: () => TreeChanges;
}

export const treeMutants: readonly TreeMutant[] = [
  {
    name: 'hash-unchecked',
    mistake: 'the driver takes blocks without looking at their hashes',
    create: () => ({ takesAnything: true }),
  },
  {
    name: 'held-too-early',
    mistake: 'a leader says that it holds all with the first blocks',
    create: () => ({
      relayEffect: (effect) => [effect.effect === 'sayState' ? { ...effect, state: 'held' } : effect],
    }),
  },
  {
    name: 'counts-what-comes',
    mistake: 'a leader says that it holds what only comes',
    create: () => ({
      relayEffect: (effect) => [
        effect.effect === 'sayState' ? { ...effect, heldBlocks: effect.heldBlocks + 1 } : effect,
      ],
    }),
  },
  {
    name: 'asks-for-ever',
    mistake: 'a leader asks for the next although there is nobody more',
    create: () => ({
      relayInput: (input) => (input.input === 'answer' ? { ...input, more: 'later' } : input),
    }),
  },
  {
    name: 'chatty',
    mistake: 'a leader says everything twenty times',
    create: () => ({
      relayEffect: (effect) =>
        effect.effect === 'sayState' || effect.effect === 'askNext'
          ? Array.from({ length: 20 }, () => effect)
          : [effect],
    }),
  },
  {
    name: 'dead-source-waited-for',
    mistake: 'a leader waits for ever for a source that is not reached',
    create: () => ({
      relayInput: (input) =>
        input.input === 'sourceFailed' && input.trouble === 'unreachable' ? undefined : input,
    }),
  },
  {
    name: 'vanished-unnoticed',
    mistake: 'a leader does not look whether it still holds what it held',
    create: () => ({ relayInput: (input) => (input.input === 'vanished' ? undefined : input) }),
  },
  {
    name: 'first-hand-out-for-ever',
    mistake: 'a leader takes no second hand-out',
    create: () => ({
      relayInput: (input) => (input.input === 'handOut' && input.number % 1000 > 1 ? undefined : input),
    }),
  },
  {
    name: 'nobody-asks',
    mistake: 'no leader asks for the next: the CCM hands out by itself',
    create: () => ({ relayEffect: (effect) => (effect.effect === 'askNext' ? [] : [effect]) }),
  },
  {
    name: 'source-lost-unheard',
    mistake: 'the CCM has no other source for anybody',
    create: () => ({
      ccmInput: (input) => (input.input === 'sourceLost' && input.trouble !== 'none' ? undefined : input),
    }),
  },
  {
    name: 'accused-forgotten',
    mistake: 'the CCM hears that a source is corrupt, or lacks it, as that there is none',
    create: () => ({
      ccmInput: (input) =>
        input.input === 'sourceLost' && (input.trouble === 'corrupt' || input.trouble === 'lacks')
          ? { ...input, trouble: 'none' }
          : input,
    }),
  },
  {
    name: 'fetching-counts-as-held',
    mistake: 'the CCM counts who fetches as a holder',
    create: () => ({
      ccmInput: (input) =>
        input.input === 'state' && input.state === 'fetching'
          ? { ...input, state: 'held', heldBlocks: 300 }
          : input,
    }),
  },
  {
    name: 'gone-unnoticed',
    mistake: 'the CCM does not notice that a leader is gone',
    create: () => ({ ccmInput: (input) => (input.input === 'leaderGone' ? undefined : input) }),
  },
  {
    name: 'room-ignored',
    mistake: 'the CCM gives a leader more to notify than it has room for',
    create: () => ({
      ccmInput: (input) => (input.input === 'next' ? { ...input, room: input.room + 1 } : input),
      relayEffect: (effect) => [effect.effect === 'askNext' ? { ...effect, room: 0 } : effect],
    }),
  },
  {
    name: 'stranger-handed-out-to',
    mistake: 'the CCM takes whoever asks for one of its leaders',
    create: () => ({
      ccmInput: (input) =>
        input.input === 'next' && input.node === 'stranger'
          ? {
              input: 'leader',
              leader: {
                ...{ segment: 'stranger', node: 'stranger', place: { address: 'stranger', port: 1 } },
                ...{ upBytesPerSecond: null, downBytesPerSecond: null, delayMs: null, coordinates: null },
              },
            }
          : input,
    }),
  },
  {
    name: 'hidden-as-source',
    mistake: 'the CCM believes that a leader behind NAT is reached',
    create: () => ({ leader: (leader) => ({ ...leader, place: { address: leader.node, port: 1 } }) }),
  },
  {
    name: 'uplink-overrated',
    mistake: 'the CCM takes every second uplink for eight times as wide as it is',
    create: () => ({
      leader: (leader) =>
        leader.upBytesPerSecond === null || Number.parseInt(leader.node.slice(1), 10) % 2 === 0
          ? leader
          : { ...leader, upBytesPerSecond: 8 * leader.upBytesPerSecond },
    }),
  },
  {
    name: 'part-forgotten',
    mistake: 'a hand-out names a source for one part of two',
    create: () => ({
      ccmEffect: (effect) => [withHandOut(effect, (one) => ({ ...one, sources: one.sources.slice(0, 1) }))],
    }),
  },
  {
    name: 'circle',
    mistake: 'the CCM has a leader fetch from one that fetches from it',
    create() {
      const childOf = new Map<string, string>();
      return {
        ccmEffect: (effect) => [
          withHandOut(effect, (one) => {
            const child = childOf.get(one.node);
            for (const { node } of one.sources) if (node !== null) childOf.set(node, one.node);
            if (child === undefined || one.number % 1000 < 2) return one;
            return { ...one, sources: one.sources.map((source) => ({ ...source, node: child })) };
          }),
        ],
      };
    },
  },
];

type CcmEffect = Parameters<NonNullable<TreeChanges['ccmEffect']>>[0];

function withHandOut(effect: CcmEffect, change: (one: PlannedHandOut) => PlannedHandOut): CcmEffect {
  if (effect.effect === 'handOut') return { ...effect, handOut: change(effect.handOut) };
  return effect.effect === 'answer' ? { ...effect, next: effect.next.map(change) } : effect;
}

export const treeMutantNames: readonly string[] = treeMutants.map(({ name }) => name);

/** Throws RangeError for a name that is none. */
export function findTreeMutant(name: string): TreeMutant {
  const found = treeMutants.find((mutant) => mutant.name === name);
  if (found === undefined) throw new RangeError(`there is no mutant ${name}`);
  return found;
}
