// A distribution by itself, for tests that say each word to it: leaders of whom nothing is known but where they are, and what it answers, in short.

import { createDistribution } from '../distribution.ts';
import type {
  Distribution,
  DistributionEffect,
  DistributionInput,
  PlannedHandOut,
  TreeLeader,
} from '../tree-machines.ts';

const blockBytes = 131_072;

export function leaderOf(index: number, change: Partial<TreeLeader> = {}): TreeLeader {
  return {
    ...{ segment: `s${index}`, node: `n${index}`, place: { address: '10.0.0.1', port: 17_000 } },
    ...{ upBytesPerSecond: null, downBytesPerSecond: null, delayMs: null, coordinates: null, ...change },
  };
}

export function leadersOf(count: number): TreeLeader[] {
  return Array.from({ length: count }, (_, index) => leaderOf(index));
}

export function makeDistribution(leaders: readonly TreeLeader[], blocks: number): Distribution {
  const bytes = blocks * blockBytes;
  const known = { assignment: 'a', bytes, blocks, leaders, ccmBytesPerSecond: null };
  return createDistribution(0, { ...known, firstNumber: 1000 });
}

export function effectsOf(distribution: Distribution): DistributionEffect[] {
  const effects: DistributionEffect[] = [];
  for (let effect = distribution.pollEffect(); effect; effect = distribution.pollEffect())
    effects.push(effect);
  return effects;
}

export interface ScriptedDistribution {
  readonly distribution: Distribution;
  /** What it did since it was asked last, without the states that it told. */
  did(): string[];
  /** Says it, and what came of it. */
  say(at: number, ...inputs: DistributionInput[]): string[];
  /** It asks for the next; it holds one block, and its uplink bears so many. */
  next(at: number, node: string, room?: number, unreached?: readonly string[]): string[];
  held(at: number, node: string): string[];
  lost(
    at: number,
    node: string,
    source: string | null,
    trouble?: Extract<DistributionInput, { readonly input: 'sourceLost' }>['trouble'],
  ): string[];
  /** What comes of time going by. */
  wait(until: number): string[];
}

export function scriptDistribution(leaders: readonly TreeLeader[], blocks = 400): ScriptedDistribution {
  const distribution = makeDistribution(leaders, blocks);
  const numbers = new Map<string, number>();

  function handOutText(handOut: PlannedHandOut): string {
    const { node, number, sources } = handOut;
    numbers.set(node, number);
    return `${node} #${number} from ${sources.map((source) => source.node ?? 'CCM').join(' and ')}`;
  }

  function did(): string[] {
    return effectsOf(distribution).flatMap((effect) => {
      if (effect.effect === 'handOut') return [`tells ${handOutText(effect.handOut)}`];
      if (effect.effect === 'answer') {
        const { node, next, more } = effect;
        return [[`answers ${node} ${more}`, ...next.map(handOutText)].join(', ')];
      }
      if (effect.effect === 'log') return [effect.event];
      const { fact } = effect;
      if (fact.fact === 'state') return [];
      if (fact.fact === 'complete') return ['complete'];
      if (fact.fact === 'avoided') return [`avoids ${fact.node}: ${fact.trouble}`];
      return [`refuses ${fact.node}: ${fact.why}`];
    });
  }

  function say(at: number, ...inputs: DistributionInput[]): string[] {
    for (const input of inputs) distribution.handle(at, input);
    return did();
  }

  return {
    distribution,
    did,
    say,
    next: (at, node, room = 16, unreached = []) =>
      say(at, {
        ...{ input: 'next', node, heldBlocks: 1, room },
        unreached: unreached.map((each) => ({ node: each, trouble: 'unreachable' })),
      }),
    held: (at, node) =>
      say(at, {
        ...{ input: 'state', node, state: 'held', number: numbers.get(node) ?? 0 },
        ...{ heldBlocks: blocks, figures: [] },
      }),
    lost: (at, node, source, trouble = 'unreachable') =>
      say(at, {
        ...{ input: 'sourceLost', node, number: numbers.get(node) ?? 0 },
        ...{ source, trouble, heldBlocks: 1 },
      }),
    wait(until) {
      const lines: string[] = [];
      for (let at = distribution.nextTimeout(); at !== undefined && at <= until; ) {
        distribution.onTimeout(at);
        lines.push(...did().map((line) => `${at} ${line}`));
        at = distribution.nextTimeout();
      }
      return lines;
    },
  };
}
