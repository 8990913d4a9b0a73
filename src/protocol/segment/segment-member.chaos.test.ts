import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SegmentTiming } from '../../model/segment.ts';
import { createSegmentLan, type SegmentLan } from './testing/segment-lan.ts';
import { segmentTimings } from './timing.ts';

/** ELEC-25 */
const settleMs = ({ lostMs, concedeMs, claimDelayMaxMs, windowMs, aliveMs }: SegmentTiming): number =>
  lostMs + concedeMs + 2 * (claimDelayMaxMs + windowMs) + 4 * aliveMs;

/** Crashes, pauses and cuts for a while, then a whole network in which everybody runs. */
function trouble(segment: SegmentLan, forMs: number, lossMax: number): string[] {
  const { lan, nodes } = segment;
  const pick = (): string => nodes[Math.floor(lan.random() * nodes.length)] as string;
  const story: string[] = [];
  const note = (what: string): void => void story.push(`${Math.round(lan.now)} ${what}`);
  const paused = new Set<string>();
  for (const end = lan.now + forMs; lan.now < end; ) {
    const dice = lan.random();
    const node = pick();
    if (dice < 0.15 && lan.isUp(node)) {
      note(`crash ${node}`);
      paused.delete(node);
      lan.crash(node);
    } else if (dice < 0.4 && !lan.isUp(node)) {
      note(`start ${node}`);
      segment.start(node);
    } else if (dice < 0.5) {
      note(`pause ${node}`);
      paused.add(node);
      lan.pause(node);
    } else if (dice < 0.6 && paused.delete(node)) {
      note(`resume ${node}`);
      lan.resume(node);
    } else if (dice < 0.7) {
      const other = pick();
      note(`cut ${node} > ${other}`);
      lan.cut(node, other);
    } else if (dice < 0.75) {
      note(`isolate ${node}`);
      for (const other of nodes) {
        lan.cut(node, other);
        lan.cut(other, node);
      }
    } else if (dice < 0.85) {
      const side = new Set(nodes.filter(() => lan.random() < 0.5));
      note(`part ${[...side].join(' ')}`);
      for (const one of side)
        for (const other of nodes.filter((each) => !side.has(each))) {
          lan.cut(one, other);
          lan.cut(other, one);
        }
    } else if (dice < 0.95) {
      note('heal');
      lan.heal();
    } else lan.setLoss(lan.random() * lossMax);
    lan.run(100 + lan.random() * 2500);
  }
  note('all is well');
  lan.heal();
  lan.setLoss(0);
  for (const node of nodes) {
    if (!lan.isUp(node)) segment.start(node);
    lan.resume(node);
  }
  return story;
}

function checkSent({ lan }: SegmentLan, story: () => string): void {
  const made = new Map<string, number>();
  for (const { from, message } of lan.sent) {
    if (message.type !== 'leader-claim' && message.type !== 'leader-alive') continue;
    const key = `${from} in term ${message.term}`;
    assert.equal(message.priority, made.get(key) ?? message.priority, `ELEC-8: ${key}\n${story()}`);
    made.set(key, message.priority);
  }
}

const seeds = Number(process.env['CHAOS_SEEDS'] ?? 60);
const first = Number(process.env['CHAOS_FIRST'] ?? 1);

test(`ELEC-25: after any trouble there is one leader within the bound, whom all follow (${seeds} seeds)`, () => {
  for (let seed = first; seed < first + seeds; seed += 1) {
    const members = 2 + (seed % 7);
    // In every third nobody says how many others are up.
    const others = seed % 3 === 0 ? 0 : members - 1;
    const segment = createSegmentLan({ members, seed, options: { others } });
    const { lan, leaders, nodes, status } = segment;
    const lines = trouble(segment, 60_000, 0.3);
    const story = (): string => `seed ${seed}\n${lines.slice(-40).join('\n')}`;
    lan.run(settleMs(segmentTimings.fast));
    assert.equal(leaders().length, 1, `${leaders()} ${story()}`);
    assert.ok(leaders()[0] !== null, story());
    lan.run(4000);
    for (const node of nodes) assert.ok(status(node).isRegistered, `${node} ${story()}`);
    const told = lan.facts.length;
    lan.run(20_000);
    const changes = lan.facts.slice(told).filter(({ fact }) => fact.fact === 'leader');
    assert.deepEqual(changes, [], `it flaps: ${story()}`);
    checkSent(segment, story);
  }
});
