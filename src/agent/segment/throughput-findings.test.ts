import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ThroughputResult, ThroughputStep } from '../../net/segment/throughput/throughput-test.ts';
import { throughputFindings, throughputNotice } from './throughput-findings.ts';

const mbit = 125_000;
const buffer = 8 * 1_048_576;

function stepOf(rate: number, losses: readonly number[], sent = rate): ThroughputStep {
  return {
    bytesPerSecondWanted: rate * mbit,
    bytesPerSecond: sent * mbit,
    datagrams: 100,
    losses: losses.map((loss, index) => ({ node: `web${index + 2}`, loss })),
  };
}

function resultOf(steps: readonly ThroughputStep[], more: Partial<ThroughputResult> = {}): ThroughputResult {
  return {
    datagramBytes: 1_472,
    bytesPerSecondMax: 100 * mbit,
    isLimited: false,
    steps,
    nodes: ['web2', 'web3', 'web4'].map((node) => ({ node, receiveBufferBytes: buffer, dropped: 0 })),
    own: { receiveBufferBytes: buffer, dropped: { received: 0, sent: 0 }, sendErrors: 0 },
    ...more,
  };
}

test('N72 X4: what is measured is said with its reason, and what to do', () => {
  const fine = [stepOf(50, [0, 0, 0]), stepOf(100, [0, 0.002, 0.004])];
  const table: readonly (readonly [ThroughputResult, 'ok' | 'warn', RegExp, RegExp | null])[] = [
    [
      resultOf(fine),
      'ok',
      /^Multicast carries 100 Mbit\/s to 3 nodes .* 1472 bytes; 0\.2 % is lost\. More was not tried/,
      null,
    ],
    [
      resultOf([stepOf(20, [0, 0, 0])], { isLimited: true, bytesPerSecondMax: 20 * mbit }),
      'ok',
      /20 Mbit\/s.*The segment’s limit was kept\.$/,
      null,
    ],
    [
      resultOf([stepOf(25, [0, 0, 0]), stepOf(50, [0.02, 0.31, 0.3])]),
      'warn',
      /^25 Mbit\/s arrive; at 50 Mbit\/s 30 % is lost at half .*web3 31 %, web4 30 %, web2 2 %/,
      /set-rate SEGMENT --mbit 22\./,
    ],
    [resultOf([stepOf(6, [0.5, 0.5, 0.5])]), 'warn', /^Already at 6 Mbit\/s 50 %/, /--mbit 3\./],
    [
      resultOf([stepOf(100, [0, 0.4, 0])]),
      'warn',
      /single nodes lose more than the others: web3 40 %/,
      /port, cable, WLAN/,
    ],
    [resultOf([stepOf(100, [0, 0, 0], 30)]), 'warn', /sent 30 Mbit\/s where 100 Mbit\/s/, /load/],
    [resultOf([], { nodes: [] }), 'warn', /No other node answered/, /agents of this version/],
    [resultOf([stepOf(6, [])]), 'warn', /answered before the first burst/, /firewalls/],
    [
      resultOf(fine, { own: { ...resultOf([]).own, sendErrors: 3 } }),
      'warn',
      /^3 datagrams were refused by this machine/,
      /ip -s link/,
    ],
  ];
  for (const [result, outcome, message, fix] of table) {
    const [rate] = throughputFindings(result);
    assert.equal(rate?.name, 'throughput');
    assert.equal(rate.outcome, outcome, rate.message);
    assert.match(rate.message, message);
    if (fix === null) assert.equal(rate.fix, undefined);
    else assert.match(rate.fix ?? '', fix);
  }
});

test('N72: small buffers and drops are told with the node that has them, and the kernel’s setting', () => {
  const [, buffers, drops] = throughputFindings(resultOf([]));
  assert.deepEqual([buffers?.outcome, drops?.outcome], ['ok', 'ok']);
  const many = Array.from({ length: 12 }, (_, index) => ({
    node: `n${index}`,
    receiveBufferBytes: 212_992,
    dropped: index,
  }));
  const own = { receiveBufferBytes: 425_984, dropped: { received: 5, sent: 2 }, sendErrors: 0 };
  const [, small, lost] = throughputFindings(resultOf([], { nodes: many, own }));
  assert.equal(small?.outcome, 'warn');
  assert.match(small.message, /this node 416 KiB, n0 208 KiB, .*and 5 more/);
  assert.match(small.fix ?? '', /sysctl -w net\.core\.rmem_max=8388608/);
  assert.equal(lost?.outcome, 'warn');
  assert.match(lost.message, /this node 7, n1 1, /);
});

test('what will be sent is said before', () => {
  assert.equal(
    throughputNotice('to 239.255.84.16 port 17460 on eth0', 100 * mbit),
    "Sending bursts of rising rate by multicast to 239.255.84.16 port 17460 on eth0: at most 100 Mbit/s, 2 s and 9.2 MiB in all, less where the segment's limit is less or much is lost.",
  );
});
