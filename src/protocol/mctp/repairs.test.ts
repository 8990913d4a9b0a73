import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mctpRules as rules } from './mctp-rules.ts';
import { createMctpLayout, type MctpRepair } from './mctp-session.ts';
import { mctpTiming as timing } from './mctp-timing.ts';
import { createRepairs } from './repairs.ts';

/** Block 0 of 10 frames has been sent as frames 1 to 10. */
function sentOnce(repair: MctpRepair) {
  const layout = createMctpLayout({
    ...{ session: 1, sender: 's', assignment: 'a', repair, framePayloadBytes: 1000, receivers: 4 },
    ...{ manifestBytes: 0, sealedBytes: 10_000, plainBytes: 0, manifestHashes: [] },
  });
  const repairs = createRepairs({ layout, repair, rules, timing });
  let number = 0;
  const send = (sequences: readonly number[]): void => {
    for (const sequence of sequences) {
      number += 1;
      repairs.sent(0, sequence, number);
    }
  };
  send(repairs.firstRun(0, 0).sequences);
  return { repairs, send, layout };
}

test('MCTP-17: with arq the frames that any misses go out once, with fec as many parity frames as the one needs that misses most', () => {
  const arq = sentOnce('arq').repairs;
  arq.ask(0, 2, [3, 5], 10);
  arq.ask(0, 2, [5, 9], 10);
  assert.deepEqual(arq.nextRepair(0)?.sequences, [3, 5, 9]);
  const fec = sentOnce('fec').repairs;
  fec.ask(0, 2, null, 10);
  fec.ask(0, 3, null, 10);
  assert.deepEqual(fec.nextRepair(0)?.sequences, [10, 11, 12]);
  assert.equal(fec.nextRepair(0), undefined);
});

test('MCTP-16: what was sent after all that a status knows of is not sent again for it', () => {
  for (const repair of ['arq', 'fec'] as const) {
    const { repairs, send } = sentOnce(repair);
    repairs.ask(0, 2, repair === 'arq' ? [3, 5] : null, 10);
    send(repairs.nextRepair(0)?.sequences ?? []);
    repairs.ask(0, 2, repair === 'arq' ? [3, 5] : null, 10);
    assert.equal(repairs.nextRepair(0), undefined, 'on its way');
    repairs.ask(0, 1, repair === 'arq' ? [5] : null, 12);
    assert.equal(repairs.nextRepair(0)?.sequences.length, 1, 'lost again');
  }
});

test('MCTP-17: when parity is used up named data frames go out again, and after so many frames the block is given up', () => {
  const { repairs, send, layout } = sentOnce('fec');
  let number = 10;
  for (let asked = 0; asked < layout.parityMax(0); asked += 10) {
    repairs.ask(0, 10, null, number);
    const sequences = repairs.nextRepair(0)?.sequences ?? [];
    number += sequences.length;
    send(sequences);
  }
  // 160 frames are the bound; the last of the parity went out with it.
  assert.equal(repairs.ask(0, 2, [1, 2], number), false);
});

test('MCTP-30: a block whose frames are named by digests is repaired by data frames alone', () => {
  const { repairs } = sentOnce('fec');
  repairs.useDataOnly(0);
  repairs.ask(0, 2, [1, 2], 10);
  assert.deepEqual(repairs.nextRepair(0)?.sequences, [1, 2]);
});
