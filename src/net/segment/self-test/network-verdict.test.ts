// What a self-test's answers mean.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkVerdict, type PeerAnswer } from './network-verdict.ts';
import { longestHeard, probeSeries, shareHeard } from './probe-series.ts';

const eth0 = { name: 'eth0', address: '10.0.0.1', isLoopback: false };
const state = {
  place: { transport: 'multicast', group: '239.1.2.3', port: 1 },
  interface: eth0,
  why: 'named in agent.yaml',
  groupError: null,
} as const;
const fine: PeerAnswer = {
  heardByGroup: 1,
  heardAlone: 1,
  wasAskedAlone: true,
  groupAnswerHeard: true,
  bytesMax: 1_472,
};
const judge = (...answers: Partial<PeerAnswer>[]) =>
  networkVerdict(
    state,
    answers.map((answer) => ({ ...fine, ...answer })),
    { expected: answers.length, unanswered: 0 },
  );

test('CHAN-17: who answers what decides, and one sentence says why', () => {
  const table: [ReturnType<typeof judge>, string, RegExp][] = [
    [
      judge({}, {}),
      'multicast',
      /^Multicast works on eth0 \(10\.0\.0\.1\): 2 of 2 nodes that answered hear this node, 2 are heard; 0 % is lost\.$/,
    ],
    [judge({}, { heardByGroup: 0, groupAnswerHeard: false }), 'multicast', /1 of 2 nodes/],
    [
      judge({ heardByGroup: 0, groupAnswerHeard: false }),
      'unicast',
      /neither at nor from the one node that answered/,
    ],
    [
      judge({ heardByGroup: 0 }, { heardByGroup: 0 }),
      'unicast',
      /from this node does not arrive at all 2 nodes/,
    ],
    [
      judge({ groupAnswerHeard: false }),
      'unicast',
      /of the one node that answered does not arrive at this node/,
    ],
    [judge({ heardByGroup: 0.5 }), 'unicast', /loses 50 %, unicast 0 %/],
    [judge({ heardByGroup: 0.5, heardAlone: 0.6 }), 'multicast', /50 % is lost/],
    [judge({ heardByGroup: 0.5, wasAskedAlone: false }), 'multicast', /50 % is lost/],
    [judge(), 'multicast', /Nobody else is known/],
    [
      networkVerdict(state, [], { expected: 0, unanswered: 2 }),
      'multicast',
      /^Others are heard on eth0 .* \(2\), but .* firewall stops UDP\.$/,
    ],
    [
      networkVerdict(state, [], { expected: 3, unanswered: 0 }),
      'multicast',
      /None of the others has answered/,
    ],
    [
      networkVerdict({ ...state, groupError: 'ENODEV' }, [fine], { expected: 1, unanswered: 0 }),
      'unicast',
      /is refused on eth0 \(10\.0\.0\.1\): ENODEV/,
    ],
    [
      networkVerdict({ ...state, interface: null, why: 'eth0 is down' }, [], { expected: 1, unanswered: 0 }),
      'unicast',
      /no interface: eth0 is down/,
    ],
    [
      networkVerdict({ ...state, place: { transport: 'unicast', group: null, port: 1 } }, [fine], {
        expected: 1,
        unanswered: 0,
      }),
      'unicast',
      /The segment uses unicast/,
    ],
  ];
  for (const [verdict, transport, reason] of table) {
    assert.match(verdict.reason, reason);
    assert.match(verdict.reason, /^[A-Z][^\n]*\.$/);
    assert.equal(verdict.transport, transport, verdict.reason);
    assert.equal(verdict.transport === 'multicast', verdict.use.hears && verdict.use.isHeard);
  }
});

test('CHAN-17: what works one way is used that way', () => {
  assert.deepEqual(judge({ heardByGroup: 0 }).use, { isHeard: false, hears: true });
  assert.deepEqual(judge({ groupAnswerHeard: false }).use, { isHeard: true, hears: false });
  assert.deepEqual(judge({ heardByGroup: 0, groupAnswerHeard: false }).use, { isHeard: false, hears: false });
});

test('CHAN-16: loss counts from the first probe that was heard; sizes are those of the long ones', () => {
  const series = probeSeries('00'.repeat(8), 1);
  assert.deepEqual(
    series.map(({ sequence }) => sequence),
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
  );
  const all = series.reduce((bits, { sequence }) => bits | (1 << sequence), 0);
  assert.equal(shareHeard(all), 1);
  assert.equal(longestHeard(all), 1_472);
  assert.equal(shareHeard(0), 0);
  assert.equal(longestHeard(0), 0);
  assert.equal(shareHeard(0b1_0001_1100), 1, 'the node came in the middle');
  assert.equal(shareHeard(0b1_0001_0101), 4 / 6);
  assert.equal(longestHeard(0b0_0111_1111), 1_372);
});
