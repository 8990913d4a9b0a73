import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventQueue } from '../kernel/event-queue.ts';
import { createRandom } from '../kernel/random.ts';
import { createNetwork, type LinkQuality } from './network.ts';

const plain: LinkQuality = {
  delayMinMs: 1,
  delayMaxMs: 2,
  loss: 0,
  duplicate: 0,
  held: 0,
  heldMaxMs: 0,
};

function lab(nodes: number, quality: Partial<LinkQuality> = {}, seed = 1) {
  const queue = createEventQueue();
  const arrived: { packet: string; to: number; at: number }[] = [];
  const network = createNetwork<string>({
    nodes,
    queue,
    random: createRandom(seed, 'network'),
    quality: { ...plain, ...quality },
    deliver: (packet, to) => void arrived.push({ packet, to, at: queue.now() }),
  });
  const settle = (): string[] => {
    queue.runUntil(queue.now() + 60_000);
    return arrived.splice(0).map(({ packet, to }) => `${packet}>${to}`);
  };
  return { queue, network, arrived, settle };
}

test('X16: a group message reaches everybody but its sender, within the delay', () => {
  const { network, arrived, queue, settle } = lab(4);
  network.sendGroup(2, 'hello');
  queue.runUntil(2);
  assert.ok(arrived.every(({ at }) => at >= 1 && at < 2));
  assert.deepEqual(settle().sort(), ['hello>0', 'hello>1', 'hello>3']);
});

test('X16: loss, duplicates and packets held back come as often as the quality says', () => {
  const { network, arrived, queue } = lab(2, { loss: 0.2, duplicate: 0.1, held: 0.3, heldMaxMs: 500 });
  for (let turn = 0; turn < 10_000; turn += 1) network.send(0, 1, String(turn));
  queue.runUntil(1000);
  const { lost, duplicated, held, delivered } = network.counts;
  assert.ok(Math.abs(lost - 2000) < 200, `lost ${lost}`);
  assert.ok(Math.abs(duplicated - 800) < 100, `duplicated ${duplicated}`);
  assert.ok(Math.abs(held - 0.3 * 8800) < 200, `held ${held}`);
  assert.equal(delivered, 10_000 - lost + duplicated);
  const order = arrived.map(({ packet }) => Number(packet));
  assert.notDeepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});

test('X16: a link, a sender or a receiver can lose packets by itself', () => {
  const { network, settle } = lab(3);
  network.setLoss(0, 1, 1);
  network.sendGroup(0, 'a');
  assert.deepEqual(settle(), ['a>2']);
  network.setLoss(0, 1, 0);
  network.setLoss(null, 2, 1);
  network.sendGroup(0, 'b');
  assert.deepEqual(settle(), ['b>1']);
  network.setLoss(1, null, 1);
  network.sendGroup(1, 'c');
  assert.deepEqual(settle(), []);
  network.heal();
  network.sendGroup(1, 'd');
  assert.deepEqual(settle().sort(), ['d>0', 'd>2']);
});

test('X16: partitions stop both directions or one, overlap, and heal', () => {
  const { network, settle } = lab(4);
  const crossing = (): string[] => {
    for (const from of [0, 1, 2, 3]) network.sendGroup(from, String(from));
    return settle().sort();
  };
  assert.equal(crossing().length, 12);
  const healBoth = network.cut([0, 1], 'both');
  assert.deepEqual(crossing(), ['0>1', '1>0', '2>3', '3>2']);
  assert.ok(network.isCut(0, 2) && network.isCut(2, 0) && !network.isCut(0, 1));
  const healDeaf = network.cut([0], 'in');
  assert.deepEqual(crossing(), ['0>1', '2>3', '3>2']);
  healBoth();
  assert.equal(crossing().filter((line) => line.endsWith('>0')).length, 0);
  assert.equal(crossing().filter((line) => line.startsWith('0')).length, 3);
  healDeaf();
  network.cut([3], 'out');
  assert.deepEqual(
    crossing().filter((line) => line.includes('3')),
    ['0>3', '1>3', '2>3'],
  );
  network.heal();
  assert.equal(crossing().length, 12);
  network.cut([0], 'both', 1);
  assert.deepEqual(
    crossing().filter((line) => line.includes('0')),
    ['0>1', '1>0'],
  );
});

test('X16: the same seed brings the same packets at the same times', () => {
  const run = (seed: number) => {
    const { network, arrived, queue } = lab(5, { loss: 0.1, duplicate: 0.1, held: 0.1, heldMaxMs: 50 }, seed);
    for (let turn = 0; turn < 50; turn += 1) network.sendGroup(turn % 5, String(turn));
    queue.runUntil(1000);
    return arrived;
  };
  assert.deepEqual(run(3), run(3));
  assert.notDeepEqual(run(3), run(4));
});
