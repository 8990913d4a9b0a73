// X19 N46: how much goes through in a time, whoever asks for it; by a clock that the test moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesPerMbit, type RateLimit } from '../../model/rate-limit.ts';
import { createManualClock } from '../testing/manual-clock.ts';
import { pacedPieces } from './paced-pieces.ts';
import { createPacer, type Pace } from './pacer.ts';

const mbit = (value: number, hours: RateLimit['hours'] = []): RateLimit => ({ mbit: value, hours });
const secondBytes = (value: number): number => value * bytesPerMbit;
const pieceBytes = 4_096;

function start() {
  const clock = createManualClock(Date.parse('2026-11-28T17:59:00Z'));
  let setBackMs = 0;
  const pacer = createPacer({
    clock,
    wallNow: () => clock.now() - setBackMs,
    minuteOf: (atMs) => Math.floor(atMs / 60_000) % 1_440,
  });
  const ends: (() => void)[] = [];
  return {
    clock,
    pacer,
    setWallBack: (milliseconds: number) => {
      setBackMs = milliseconds;
    },
    /** Sends as much as it may until the test ends; unlimited it would never wait: it takes a breath each millisecond. */
    transfer(site: string | null) {
      const pace = pacer.begin(site);
      const sent = { bytes: 0 };
      let isOn = true;
      ends.push(() => {
        isOn = false;
      });
      void (async () => {
        while (isOn) {
          await pace(pieceBytes);
          sent.bytes += pieceBytes;
        }
      })();
      return {
        sent,
        taken: () => {
          const { bytes } = sent;
          sent.bytes = 0;
          return bytes;
        },
        end: () => {
          isOn = false;
        },
      };
    },
    async pass(milliseconds: number, stepMs = 5) {
      for (let left = milliseconds; left > 0; left -= stepMs) {
        await settled();
        clock.advance(Math.min(stepMs, left));
      }
      await settled();
    },
    async end() {
      for (const end of ends) end();
      pacer.close();
      await settled();
    },
  };
}

/** What promises do among themselves is done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function isNear(actual: number, expected: number, share: number, what: string): void {
  const off = Math.abs(actual - expected) / expected;
  assert.ok(off <= share, `${what}: ${actual} bytes instead of ${expected}, ${(off * 100).toFixed(1)} % off`);
}

test('TREE-71 X19 N46: in each second what the limit says goes through, shared equally, also when one comes, one goes and the limit changes', async () => {
  const { pacer, transfer, pass, end } = start();
  assert.equal(pacer.begin(null)(1_000_000), undefined, 'nothing is limited');
  assert.equal(pacer.allowed(), null);
  pacer.set({ all: mbit(20), sites: {} });
  const [one, two, three] = [transfer('docs'), transfer('docs'), transfer('shop')];
  await pass(2_000);
  const first = [one, two, three].map(({ taken }) => taken());
  isNear(
    first.reduce((sum, each) => sum + each),
    secondBytes(40),
    0.03,
    'two seconds of 20 Mbit/s',
  );
  for (const bytes of first) isNear(bytes, secondBytes(40) / 3, 0.03, 'a third');
  three.end();
  const late = transfer(null);
  pacer.set({ all: mbit(2), sites: {} });
  await pass(3_000);
  const second = [one, two, late].map(({ taken }) => taken());
  isNear(
    second.reduce((sum, each) => sum + each),
    secondBytes(6),
    0.03,
    'three seconds of 2 Mbit/s',
  );
  for (const bytes of second) isNear(bytes, secondBytes(2), 0.03, 'a third, who came late as well');
  await end();
});

test('TREE-71: a limit of a site holds beside the one for all, and who waits for it keeps nobody else back', async () => {
  const { pacer, transfer, pass, end } = start();
  pacer.set({ all: mbit(10), sites: { docs: mbit(1) } });
  const [docs, shop, more] = [transfer('docs'), transfer('shop'), transfer('docs')];
  await pass(4_000);
  isNear(docs.sent.bytes + more.sent.bytes, secondBytes(4), 0.03, 'docs');
  isNear(docs.sent.bytes, secondBytes(2), 0.05, 'one of docs');
  isNear(shop.sent.bytes, secondBytes(36), 0.03, 'shop has the rest');
  pacer.set({ all: mbit(10), sites: {} });
  // What they had less before they make up for first, within bounds.
  await pass(1_000);
  for (const { taken } of [docs, shop, more]) taken();
  await pass(3_000);
  for (const { sent } of [docs, shop, more]) isNear(sent.bytes, secondBytes(10), 0.05, 'a third each');
  await end();
});

test('TREE-72 LEAD-81: the hour and a wall clock that is set hold for what waits', async () => {
  const { pacer, transfer, pass, end, setWallBack, clock } = start();
  pacer.set({ all: mbit(1, [{ from: '18:00', to: '19:00', mbit: 8 }]), sites: {} });
  assert.equal(pacer.allowed(), secondBytes(1));
  const one = transfer(null);
  await pass(59_000, 100);
  one.taken();
  await pass(1_000);
  isNear(one.taken(), secondBytes(1), 0.05, 'the last second before');
  assert.equal(pacer.allowed(), secondBytes(8));
  await pass(1_000);
  isNear(one.taken(), secondBytes(8), 0.05, 'the first second after');
  setWallBack(600_000);
  await pass(61_000, 100);
  one.taken();
  await pass(1_000);
  isNear(one.taken(), secondBytes(1), 0.05, 'the clock was set back');
  await end();
  assert.deepEqual(clock.waiting(), [], 'nothing is waited for without limits');
});

test('TREE-71: one for all, or for a site, that is taken away lets through what waits; nothing is saved for later', async () => {
  const { pacer, pass, end } = start();
  pacer.set({ all: mbit(1), sites: {} });
  const pace = pacer.begin(null);
  await pass(60_000, 1_000);
  const before = pacer.bytes();
  let waits: Promise<void> | undefined;
  for (let count = 0; waits === undefined && count < 100; count++) waits = pace(pieceBytes);
  assert.ok(pacer.bytes() - before <= 3 * pieceBytes, 'a minute of rest is no minute of credit');
  pacer.set({ all: null, sites: { docs: mbit(1) } });
  await waits;
  assert.equal(pace(1_000_000), undefined);
  await end();
});

test('TREE-71: whoever else waits, a transfer of one piece has its turn after a round of the others', async () => {
  const { pacer, transfer, pass, end } = start();
  pacer.set({ all: mbit(8), sites: {} });
  const others = Array.from({ length: 20 }, () => transfer(null));
  await pass(1_000);
  let isThrough = false;
  void Promise.resolve(pacer.begin(null)(pieceBytes)).then(() => {
    isThrough = true;
  });
  const before = others.map(({ sent }) => sent.bytes);
  while (!isThrough) await pass(5);
  for (const [index, { sent }] of others.entries())
    assert.ok(
      sent.bytes - (before[index] as number) <= 6 * pieceBytes,
      `${sent.bytes - (before[index] ?? 0)}`,
    );
  await end();
});

test('TREE-71 X19: property: never more than the limits of the time allow and 50 ms of them, and nothing is left unused', async () => {
  const step = fc.record({
    mbit: fc.option(fc.integer({ min: 1, max: 100 }), { nil: null }),
    ofSite: fc.option(fc.integer({ min: 1, max: 100 }), { nil: null }),
    ms: fc.integer({ min: 100, max: 400 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 6 }),
      async (steps, count) => {
        const { pacer, transfer, pass, end } = start();
        pacer.set({ all: mbit(50), sites: {} });
        const transfers = Array.from({ length: count }, () => transfer('docs'));
        for (const { mbit: ofAll, ofSite, ms } of steps) {
          const least = Math.min(ofAll ?? 50, ofSite ?? 1_000);
          pacer.set({ all: mbit(ofAll ?? 50), sites: ofSite === null ? {} : { docs: mbit(ofSite) } });
          for (const { taken } of transfers) taken();
          await pass(ms);
          const sum = transfers.reduce((total, { sent }) => total + sent.bytes, 0);
          const should = (secondBytes(least) * ms) / 1_000;
          const slack = secondBytes(least) * 0.05 + (count + 1) * pieceBytes;
          // What a former, higher limit let through ahead is waited for by the lower one: a piece at most.
          assert.ok(sum <= should + slack, `${sum} of ${should}`);
          assert.ok(sum >= should - slack, `${sum} of ${should}`);
        }
        await end();
      },
    ),
    { seed: 2611, numRuns: 40 },
  );
});

test('TREE-71: bytes come whole where nothing is limited, and piece by piece, complete and in order, where it is', async () => {
  const bytes = Uint8Array.from({ length: 50_001 }, (_, index) => index % 251);
  const pieces = async (pace: Pace): Promise<Uint8Array[]> => {
    const all: Uint8Array[] = [];
    for await (const piece of pacedPieces(bytes, pace)) all.push(piece);
    return all;
  };
  assert.deepEqual(await pieces(() => undefined), [bytes]);
  const slow = await pieces(() => Promise.resolve());
  assert.ok(slow.every(({ length }) => length <= pieceBytes));
  assert.deepEqual(Buffer.concat(slow), Buffer.from(bytes));
  let count = 0;
  const some = await pieces(() => (++count % 3 === 0 ? Promise.resolve() : undefined));
  assert.deepEqual(Buffer.concat(some), Buffer.from(bytes));
  assert.ok(some.length < slow.length);
  for await (const piece of pacedPieces(new Uint8Array(), () => undefined)) assert.fail(`${piece.length}`);
});
