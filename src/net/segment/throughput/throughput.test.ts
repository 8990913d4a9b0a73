// CHAN-23: two real nodes, one of which measures what the network carries to the other; and what a tester that is none gets.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../../plugins/testing/until.ts';
import { steadyClock } from '../../clock.ts';
import { createManualClock } from '../../testing/manual-clock.ts';
import { issueNodeCredentials } from '../../testing/node-credentials.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../tls/certificate-authority.ts';
import { localInterfaces } from '../channel/local-interfaces.ts';
import { openSegmentStation, type SegmentStation } from '../segment-station.ts';
import { type BurstAnswer, createBurstCounter } from './burst-counter.ts';
import { burstFrame, isBurstFrame } from './burst-frame.ts';
import { sendPaced } from './send-paced.ts';
import { createThroughputTest, medianLoss, stepMs, stepShares } from './throughput-test.ts';

const loopback = localInterfaces(4).find(({ name }) => name === 'lo') ?? null;

async function twoStations(t: TestContext, limits: { bytesPerSecond: number | null }) {
  const authority = await createCertificateAuthority(join(temporaryDirectory(t), 'ca'));
  const place = {
    transport: 'multicast',
    group: `239.255.${randomBytes(1)[0]}.${(randomBytes(1)[0] as number) || 1}`,
    port: 20_000 + (randomBytes(2).readUInt16BE() % 10_000),
  } as const;
  const open = async (name: string, bytesPerSecondMax?: () => number | null): Promise<SegmentStation> => {
    const { identity, key } = await issueNodeCredentials(authority, name);
    const station = await openSegmentStation({
      node: name,
      identity: () => ({ key, certificate: identity.certificate }),
      authorities: authority.certificate,
      boot: 1,
      segment: '0'.repeat(32),
      place,
      transport: 'auto',
      wishes: { wanted: 'lo', towards: { host: '127.0.0.1', port: 9 } },
      clock: steadyClock,
      ...(bytesPerSecondMax === undefined ? {} : { bytesPerSecondMax }),
      onMessage: () => undefined,
      onReached: () => undefined,
      onOtherSegment: () => undefined,
      onTwin: () => undefined,
      onBroken(error) {
        throw error;
      },
    });
    t.after(() => station.close());
    return station;
  };
  const [tester] = await Promise.all([open('web1'), open('web2', () => limits.bytesPerSecond)]);
  await until('they know each other', async () => (await tester.test()).answered === 1);
  return tester;
}

test('CHAN-23 N72: a node measures with another one what arrives, in rising steps, and never above a leader’s limit', async (t) => {
  const limits: { bytesPerSecond: number | null } = { bytesPerSecond: null };
  const tester = await twoStations(t, limits);
  const wanted = 1_000_000;
  const free = await tester.measure(wanted);
  assert.deepEqual([free.datagramBytes, free.bytesPerSecondMax, free.isLimited], [1_472, wanted, false]);
  assert.deepEqual(
    free.nodes.map(({ node }) => node),
    ['web2'],
  );
  assert.ok((free.nodes[0]?.receiveBufferBytes ?? 0) > 10_000);
  assert.ok(free.own.receiveBufferBytes > 10_000);
  assert.ok(free.steps.length > 0);
  for (const [index, step] of free.steps.entries()) {
    const rate = wanted * (stepShares[index] as number);
    assert.equal(step.bytesPerSecondWanted, rate);
    assert.ok(step.datagrams * free.datagramBytes <= (rate * stepMs) / 1_000, 'no more than the rate');
    assert.ok(step.bytesPerSecond <= rate);
    assert.deepEqual(
      step.losses.map(({ node }) => node),
      ['web2'],
    );
  }
  assert.ok((free.steps[0]?.losses[0]?.loss ?? 1) < 1, 'it was heard');

  limits.bytesPerSecond = 200_000;
  const limited = await tester.measure(wanted);
  assert.deepEqual([limited.bytesPerSecondMax, limited.isLimited], [200_000, true]);
  for (const { bytesPerSecond } of limited.steps) assert.ok(bytesPerSecond <= 200_000);
});

test('CHAN-23: with nobody there nothing is sent', async (t) => {
  const asked: unknown[] = [];
  const alone = createThroughputTest({
    clock: steadyClock,
    interface: () => loopback,
    ask: (burst) => asked.push(burst),
  });
  t.after(() => alone.close());
  const { steps, nodes } = await alone.run({ bytesPerSecondMax: 1e6, datagramBytes: 1_472, others: 3 });
  assert.deepEqual([steps, nodes], [[], []]);
  assert.equal(asked.length, 4);
  const nowhere = createThroughputTest({ clock: steadyClock, interface: () => null, ask: () => undefined });
  await assert.rejects(
    nowhere.run({ bytesPerSecondMax: 1, datagramBytes: 1, others: 0 }),
    /no network interface/,
  );
});

test('CHAN-23: one tester at a time is heard, for as long as it asks; each answer waits for what is under way', async (t) => {
  const clock = createManualClock();
  const answers: (readonly [string, BurstAnswer])[] = [];
  const counter = createBurstCounter({
    node: 'web2',
    clock,
    interface: () => loopback,
    bytesPerSecondMax: () => null,
    answer: (to, answer) => answers.push([to, answer]),
  });
  t.after(() => counter.close());
  const burst = (nonce: string, round: number, oneIn = 1) => ({
    type: 'burst' as const,
    nonce: nonce.repeat(16),
    round,
    oneIn,
  });
  const taken = async (from: string, ...all: ReturnType<typeof burst>[]): Promise<string[]> => {
    for (const one of all) counter.hear(from, one);
    await until('its sockets are open, or it takes no notice', () => clock.waiting().length >= 1);
    clock.advance(200);
    return answers.splice(0).map(([to, { nonce, round }]) => `${to} ${nonce[0]} ${round}`);
  };
  // Sockets are opened beside; asked until they are.
  let first: string[] = [];
  await until('the first answer', async () => {
    first = await taken('web1', burst('a', 1));
    return first.length > 0;
  });
  assert.deepEqual(first, ['web1 a 1']);
  assert.deepEqual(
    await taken('web1', burst('a', 2), burst('a', 3)),
    ['web1 a 3'],
    'the newest question, once',
  );
  assert.deepEqual(await taken('web3', burst('b', 1)), [], 'another tester waits');
  assert.deepEqual(await taken('web3', burst('a', 4)), [], 'under a nonce that it heard, too');
  assert.deepEqual(
    await taken('web1', burst('c', 1)),
    [],
    'and so does the next test of the same one, a while',
  );
  assert.equal(answers.length, 0);
  clock.advance(3_000);
  assert.deepEqual(clock.waiting(), [], 'it asks no more: the channel is left');
  let next: string[] = [];
  await until('another tester is heard', async () => {
    next = await taken('web3', burst('b', 1));
    return next.length > 0;
  });
  assert.deepEqual(next, ['web3 b 1']);
  counter.close();
  assert.equal(counter.isChosen(burst('d', 1)), true);
  const chosen = Array.from({ length: 200 }, (_, index) =>
    counter.isChosen({ ...burst('0', 1, 8), nonce: index.toString(16).padStart(16, '0') }),
  );
  assert.ok(chosen.filter(Boolean).length < 100, 'of many, some');
});

test('CHAN-23: frames of a test are known by its nonce', () => {
  const frame = burstFrame('0123456789abcdef', 1_232);
  assert.equal(frame.length, 1_232);
  assert.ok(isBurstFrame(frame, '0123456789abcdef'));
  assert.ok(!isBurstFrame(frame, '0123456789abcdee'));
  assert.ok(!isBurstFrame(frame.subarray(0, 11), '0123456789abcdef'));
  assert.ok(!isBurstFrame(Buffer.alloc(1_232), '0'.repeat(16)));
  assert.equal(burstFrame('00'.repeat(8), 1).length, 12);
});

test('CHAN-23: what is paced never goes beyond its rate, also when a tick comes late', async () => {
  const clock = createManualClock();
  const frame = Buffer.alloc(1_000);
  const sent: number[] = [];
  let isDone = false;
  const paced = sendPaced({
    frame,
    bytesPerSecond: 1_000_000,
    lastsMs: 400,
    clock,
    signal: new AbortController().signal,
    send: () => sent.push(clock.now()),
  }).finally(() => {
    isDone = true;
  });
  const startedAt = clock.now();
  let tick = 0;
  while (!isDone) {
    tick += 1;
    // Every seventh tick is 40 ms late.
    clock.advance(tick % 7 === 0 ? 41 : 1);
    await new Promise(setImmediate);
  }
  const { datagrams, bytesPerSecond } = await paced;
  assert.equal(datagrams, sent.length);
  assert.ok(bytesPerSecond <= 1_000_000);
  assert.ok(datagrams > 0 && datagrams <= 400);
  for (const [index, at] of sent.entries()) assert.ok(index + 1 <= at - startedAt, 'never ahead of the rate');
  for (const at of new Set(sent))
    assert.ok(sent.filter((other) => other === at).length <= 10, 'nor all at once');
});

test('the median of nobody is all', () => {
  assert.equal(medianLoss([]), 1);
  const losses = [0.4, 0, 0.1].map((loss, index) => ({ node: `n${index}`, loss }));
  assert.equal(medianLoss(losses), 0.1);
});
