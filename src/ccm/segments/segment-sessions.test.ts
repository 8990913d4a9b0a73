// LEAD-83: what leaders tell of their multicast sessions, as it is kept and shown, and what of it is an event.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MulticastSession } from '../../model/multicast-session.ts';
import { settledSegment } from './testing/segment-fixture.ts';

const states = { invited: 0, absent: 0, receiving: 0, complete: 0, failed: 0, unicast: 0 };

function sessionOf(number: number, more: Partial<MulticastSession> = {}): MulticastSession {
  return {
    id: number.toString(16).padStart(8, '0'),
    site: 'docs',
    assignment: 'a'.repeat(64),
    group: '239.255.84.1',
    port: 17_460,
    repair: 'fec',
    isRunning: true,
    tookMs: 1_000,
    blocks: 8,
    blocksSent: 4,
    sentBytes: 600_000,
    bytesPerSecond: 600_000,
    bytesPerSecondMax: null,
    loss: 0,
    repairShare: 0,
    receivers: { ...states, receiving: 1 },
    incomplete: [{ node: 'web2', state: 'receiving', loss: 0, why: null }],
    problem: null,
    ...more,
  };
}

async function leading() {
  const fixture = await settledSegment('web3');
  const { registry, segments } = fixture;
  registry.sites.create({ name: 'docs' }, 'ann');
  const [{ name } = { name: '' }] = segments.list();
  return {
    ...fixture,
    name,
    say: (leader: string, ...sessions: MulticastSession[]) =>
      segments.leaderSaid(leader, { type: 'leaderSessions', sessions }),
    shown: () => segments.get(name).sessions,
    problems: () =>
      registry.events
        .page({ after: 0, limit: 1_000 })
        .filter(({ kind }) => kind === 'segment.multicastProblem'),
  };
}

test('LEAD-83: sessions are shown while they run and when they have ended, the newest first, with what is the segment’s alone', async () => {
  const { say, shown, problems, clock } = await leading();
  say('web1', sessionOf(1), sessionOf(2, { site: 'gone' }));
  assert.deepEqual(
    shown().map(({ id, site, leader, endedAt }) => [id, site, leader, endedAt]),
    [['00000001', 'docs', 'web1', null]],
    'a site that there is not is left out',
  );
  const [{ startedAt } = { startedAt: '' }] = shown();
  assert.equal(Date.parse(startedAt), clock.now() - 1_000);
  clock.advance(1_000);
  const stranger = { node: 'elsewhere', state: 'unicast', loss: 1, why: 'x' } as const;
  const waiting = { node: 'web3', state: 'receiving', loss: 0.5, why: null } as const;
  say('web1', sessionOf(1, { blocksSent: 8, incomplete: [stranger, waiting] }), sessionOf(3));
  assert.deepEqual(
    shown().map(({ id, blocksSent }) => [id, blocksSent]),
    [
      ['00000003', 4],
      ['00000001', 8],
    ],
  );
  assert.deepEqual([shown()[1]?.startedAt, shown()[1]?.incomplete], [startedAt, [waiting]]);
  const fine = sessionOf(1, { isRunning: false, receivers: { ...states, complete: 2 }, incomplete: [] });
  say('web1', fine);
  say('web1', fine);
  assert.deepEqual(
    shown().map(({ id, isRunning }) => [id, isRunning]),
    [
      ['00000003', true],
      ['00000001', false],
    ],
  );
  assert.equal(shown()[1]?.endedAt, new Date(clock.now()).toISOString());
  assert.deepEqual(problems(), [], 'all have it');
});

test('LEAD-83: one that did not go as it should is an event, once; so is one whose leader is gone', async () => {
  const { say, shown, problems, segments, name, connect, report } = await leading();
  const bad = sessionOf(1, {
    isRunning: false,
    receivers: { ...states, complete: 1, unicast: 1 },
    incomplete: [{ node: 'web3', state: 'unicast', loss: 0.6, why: 'Too much is lost on the way to web3.' }],
  });
  say('web1', bad);
  say('web1', bad);
  assert.equal(problems().length, 1);
  assert.deepEqual([problems()[0]?.site, problems()[0]?.node], ['docs', 'web1']);
  assert.equal(problems()[0]?.data['segment'], name);
  assert.deepEqual(problems()[0]?.data['incomplete'], bad.incomplete);

  say('web2', sessionOf(2, { isRunning: false, problem: 'no leader’s word' }));
  assert.equal(shown().length, 1, 'who is not accepted tells nothing');

  say('web1', sessionOf(3));
  segments.disconnected('web1');
  const [last] = shown();
  assert.deepEqual([last?.id, last?.isRunning], ['00000003', false]);
  assert.match(last?.problem ?? '', /web1 is accepted no more/);
  assert.equal(problems().length, 2);

  connect('web1');
  report('web1', ['web2', 'web3']);
  say('web1', sessionOf(3, { isRunning: false, receivers: { ...states, complete: 2 }, incomplete: [] }));
  assert.deepEqual(
    shown().map(({ id, problem }) => [id, problem]),
    [
      ['00000003', null],
      ['00000001', null],
    ],
    'back again, it says how it ended',
  );
});

test('LEAD-83: what is kept and what becomes an event is bounded, whatever a leader says', async () => {
  const { say, shown, problems } = await leading();
  for (let number = 1; number <= 100; number += 1) say('web1', sessionOf(number));
  assert.equal(shown().length, 64);
  for (let number = 1; number <= 100; number += 1)
    say('web1', sessionOf(number, { isRunning: false, problem: 'lost' }));
  assert.deepEqual([shown().length, shown()[0]?.id, problems().length], [20, '00000064', 30]);
});
