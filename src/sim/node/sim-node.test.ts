import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effect, Instant, Machine, Outgoing } from '../../protocol/machine.ts';
import { createEventQueue } from '../kernel/event-queue.ts';
import { createRandom } from '../kernel/random.ts';
import { createSimNode, type Packet } from './sim-node.ts';

type Message = string;
type Input = { heard: string } | 'count' | 'failed' | 'stop';
type CounterEffect = Effect<Message, number, string>;

/** Counts when told to: makes the number durable, then sends it twice. Ticks every second of its clock. */
function createCounter(start: number | undefined): Machine<Input, CounterEffect> {
  let count = start ?? 0;
  let tickAt: Instant | undefined;
  const effects: CounterEffect[] = [{ effect: 'deliver', fact: `starts at ${count}` }];
  return {
    handle(now, input) {
      tickAt ??= now + 1000;
      if (input === 'count') {
        count += 1;
        const sent: Outgoing<Message> = { to: { group: true }, message: `count ${count}` };
        effects.push(
          { effect: 'persist', state: count, thenSend: [sent, sent] },
          { effect: 'deliver', fact: `counted ${count}` },
        );
      } else if (input === 'failed') effects.push({ effect: 'deliver', fact: 'write failed' });
      else if (input === 'stop') effects.push({ effect: 'send', to: { group: true }, message: 'bye' });
      else effects.push({ effect: 'deliver', fact: `heard ${input.heard}` });
    },
    onTimeout(now) {
      if (tickAt === undefined || now < tickAt) return;
      effects.push({ effect: 'deliver', fact: `tick ${Math.round(now - tickAt)} late` });
      tickAt = now + 1000;
    },
    pollEffect: () => effects.shift(),
    nextTimeout: () => tickAt,
  };
}

function lab(rate = 1) {
  const queue = createEventQueue();
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  const node = createSimNode<Message, number, string, Input>({
    index: 0,
    nodes: 3,
    queue,
    random: createRandom(1, 'node'),
    skew: { offsetMs: 5_000_000, rate },
    forgetsBoots: false,
    createMachine: (_now, durable) => createCounter(durable),
    inputs: {
      message: (_from, message) => ({ heard: message }),
      persistFailed: 'failed',
      stop: 'stop',
    },
    split: (message) => [message],
    indexOf: () => 0,
    transmit: (to, { message }) => {
      if (message === 'ask' || message === 'answer') note(`${message} ${to}`);
    },
    observer: {
      started: () => note('started'),
      stopped: () => note('stopped'),
      sent: (_node, _to, message) => note(`sent ${message}`),
      heard: () => undefined,
      persisted: (_node, state) => note(`durable ${state}`),
      told: (_node, fact) => note(fact),
      logged: () => undefined,
    },
  });
  const pass = (milliseconds: number): string[] => {
    queue.runUntil(queue.now() + milliseconds);
    return lines.splice(0);
  };
  const packet = (counter: number, boot = 1, message = `${boot}.${counter}`): Packet<Message> => ({
    from: 2,
    boot,
    counter,
    toGroup: true,
    message,
  });
  /** Node 2 has introduced itself. */
  const acquaint = (): void => {
    node.receive(packet(1));
    node.receive(packet(2, 1, 'answer'));
    pass(0);
  };
  return { queue, node, pass, packet, acquaint };
}

test('X16: what a durable write allows is sent behind it, and later effects wait for it', () => {
  const { node, pass } = lab();
  node.start();
  node.tell('count');
  assert.deepEqual(pass(0), ['started', 'starts at 0']);
  assert.deepEqual(pass(100), ['durable 1', 'sent count 1', 'sent count 1', 'counted 1']);
  node.tell('count');
  node.tell('count');
  assert.deepEqual(
    pass(100).filter((line) => line.startsWith('durable') || line.startsWith('counted')),
    ['durable 2', 'counted 2', 'durable 3', 'counted 3'],
  );
});

for (const [moment, seen, restart] of [
  ['now', [], 'starts at 0'],
  ['before-persist', [], 'starts at 0'],
  ['after-persist', ['durable 1'], 'starts at 1'],
  ['amid-sends', ['durable 1', 'sent count 1'], 'starts at 1'],
] as const) {
  test(`X16: a crash ${moment} leaves what was durable by then`, () => {
    const { node, pass } = lab();
    node.start();
    pass(10);
    node.crash(moment);
    node.tell('count');
    assert.deepEqual(pass(100), [
      ...(moment === 'now' ? ['stopped'] : []),
      ...seen,
      ...(moment === 'now' ? [] : ['stopped']),
    ]);
    assert.equal(node.isUp(), false);
    node.start();
    assert.deepEqual(pass(10), ['started', restart]);
  });
}

test('X16: a crash that waits for a write strikes without one after a second', () => {
  const { node, pass } = lab();
  node.start();
  node.crash('after-persist');
  pass(990);
  assert.ok(node.isUp());
  pass(20);
  assert.ok(!node.isUp());
});

test('X16: a write that fails is told, and nothing of it is sent', () => {
  const { node, pass } = lab();
  node.start();
  pass(10);
  node.failDisk(true);
  node.tell('count');
  assert.deepEqual(pass(100), ['counted 1', 'write failed']);
  node.failDisk(false);
  node.tell('count');
  assert.equal(pass(100)[0], 'durable 2');
});

test('X16: a paused node does nothing, then takes what waited, and sees how late it is', () => {
  const { node, pass, packet, acquaint } = lab();
  node.start();
  acquaint();
  node.tell('count');
  node.pause();
  node.receive(packet(3));
  assert.deepEqual(pass(5000), []);
  node.resume();
  const lines = pass(10);
  assert.deepEqual(lines.slice(0, 4), ['durable 1', 'sent count 1', 'sent count 1', 'counted 1']);
  assert.deepEqual(lines.slice(4).sort(), ['heard 1.3', 'tick 4000 late']);
});

test('X16: a slow node takes one thing after another, each late', () => {
  const { node, pass, packet, acquaint } = lab();
  node.start();
  acquaint();
  node.slow(100);
  for (let counter = 3; counter <= 7; counter += 1) node.receive(packet(counter));
  pass(1);
  const lines = pass(500);
  assert.deepEqual(
    lines.filter((line) => line.startsWith('heard')),
    ['heard 1.3', 'heard 1.4', 'heard 1.5', 'heard 1.6', 'heard 1.7'],
  );
});

test('X16: a fast clock ticks sooner', () => {
  const { node, pass } = lab(1.1);
  node.start();
  node.tell('count');
  assert.ok(!pass(900).some((line) => line.startsWith('tick')));
  assert.ok(pass(15).some((line) => line === 'tick 0 late' || line === 'tick 1 late'));
});

test('X16: a life that is not known is asked first, and what it said waits for the answer', () => {
  const { node, pass, packet } = lab();
  node.start();
  for (const each of [packet(1), packet(3), packet(2)]) node.receive(each);
  assert.deepEqual(pass(10).slice(2), ['ask 2']);
  pass(300);
  node.receive(packet(4));
  assert.deepEqual(pass(10), ['ask 2'], 'again, since no answer came');
  node.receive(packet(5, 1, 'answer'));
  assert.deepEqual(pass(10), ['heard 1.1', 'heard 1.3', 'heard 1.2', 'heard 1.4']);
  node.receive(packet(1, 2));
  assert.deepEqual(pass(10), ['ask 2'], 'it has started again');
  node.receive(packet(7, 1, 'ask'));
  assert.deepEqual(pass(10), ['answer 2']);
});

test('X16: each packet of a known life counts once, and one far behind not at all', () => {
  const { node, pass, packet, acquaint } = lab();
  node.start();
  acquaint();
  for (const counter of [3, 3, 5, 4, 4, 5, 60, 59, 28, 29]) node.receive(packet(counter));
  assert.deepEqual(pass(10), [
    'heard 1.3',
    'heard 1.5',
    'heard 1.4',
    'heard 1.60',
    'heard 1.59',
    'heard 1.29',
  ]);
});

test('X16: a node that leaves says so and is gone', () => {
  const { node, pass } = lab();
  node.start();
  pass(10);
  node.leave();
  assert.deepEqual(pass(100), ['sent bye', 'stopped']);
});
