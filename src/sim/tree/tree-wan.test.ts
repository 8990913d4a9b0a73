import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventQueue } from '../kernel/event-queue.ts';
import { createTreeCells } from './tree-cells.ts';
import { createWan, type WanNode } from './tree-wan.ts';

const place = { upBytesPerSecond: 1e6, downBytesPerSecond: 2e6, accessMs: 5, x: 0, y: 0, isOpen: true };

function wanOf(count: number): {
  nodes: WanNode[];
  queue: ReturnType<typeof createEventQueue>;
  wan: ReturnType<typeof createWan>;
} {
  const queue = createEventQueue();
  const wan = createWan(queue);
  return {
    queue,
    wan,
    nodes: Array.from({ length: count }, (_, index) => wan.createNode({ ...place, name: `n${index}` })),
  };
}

test('TREE-80: an uplink is shared in turns, a downlink drains at its rate, and what is sent takes its way', () => {
  const { wan, nodes } = wanOf(4);
  const [one, two, three, four] = nodes as [WanNode, WanNode, WanNode, WanNode];
  assert.equal(wan.send(one, two, 100_000), 110);
  assert.equal(wan.freeAt(), 100);
  assert.equal(wan.send(one, three, 100_000), 210, 'behind the other one');
  assert.equal(wan.send(four, two, 100_000), 110, 'two uplinks fill a downlink of twice the rate');
  assert.equal(wan.send(three, two, 100_000), 160, 'a third one has to wait');
  assert.equal(one.sentBytes, 200_000);
  assert.equal(two.receivedBytes, 300_000);
});

test('TREE-82: a call takes three round trips; one that is not heard fails at its bound, a dead process at once', () => {
  const { wan, nodes, queue } = wanOf(2);
  const [from, to] = nodes as [WanNode, WanNode];
  const told: [string, number][] = [];
  const call = (): void =>
    wan.call({
      ...{ from, to, boundMs: 1500, arrive: () => 'yes' },
      answered: (answer) => told.push([answer, queue.now()]),
      failed: () => told.push(['no', queue.now()]),
    });
  call();
  queue.runUntil(1000);
  to.isCut = true;
  call();
  queue.runUntil(3000);
  to.isCut = false;
  to.isUp = false;
  call();
  queue.runUntil(4000);
  assert.deepEqual(told, [
    ['yes', 60],
    ['no', 2500],
    ['no', 3060],
  ]);
});

test('TREE-81: cells are whole blocks of one part, and all of them', () => {
  for (const [bytes, cellBlocks] of [
    [1, 1],
    [131_073, 4],
    [1e9, 26],
    [40_000_000, 64],
  ] as const) {
    const cells = createTreeCells(bytes, cellBlocks);
    let blocks = 0;
    let sum = 0;
    for (let cell = 0; cell < cells.count; cell += 1) {
      assert.ok(cells.blocksOf(cell) >= 1 && cells.blocksOf(cell) <= cellBlocks);
      blocks += cells.blocksOf(cell);
      sum += cells.bytesOf(cell);
    }
    assert.equal(blocks, Math.ceil(bytes / 131_072));
    assert.equal(sum, bytes);
    const halves = [0, 1].flatMap((part) => [...cells.ofPart({ part, parts: 2 })]);
    assert.deepEqual(
      halves.toSorted((one, other) => one - other),
      [...cells.ofPart({ part: 0, parts: 1 })],
    );
  }
});
