// LEAD-83: what a leader tells the CCM of its multicast sessions, when, and how often.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MulticastSession } from '../../model/multicast-session.ts';
import { agentMessageSchema } from '../../net/link/agent-message-schema.ts';
import type { SendingState } from '../../net/mctp/mctp-session.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { createMulticastSessions } from './multicast-sessions.ts';

function start() {
  const clock = createManualClock();
  const logged: string[] = [];
  const sent: (readonly MulticastSession[])[] = [];
  const link = { isUp: true };
  const log = (level: string) => (_: object, message: string) => void logged.push(`${level}: ${message}`);
  const sessions = createMulticastSessions({
    send(message) {
      agentMessageSchema.parse(JSON.parse(JSON.stringify(message)));
      if (link.isUp) sent.push(message.sessions);
      return link.isUp;
    },
    clock,
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  });
  return { clock, sessions, link, logged, taken: () => sent.splice(0) };
}

function sendingOf(session: number, receivers: SendingState['receivers'], more: Partial<SendingState> = {}) {
  let state: SendingState = {
    blocks: 10,
    sent: 2,
    frames: 200,
    repairFrames: 5,
    bytesPerSecond: 1_000_000,
    loss: 0.01234,
    round: 1,
    receivers,
    session,
    assignment: 'a'.repeat(64),
    group: '239.255.84.1',
    port: 17_460,
    isUp: true,
    sentBytes: 262_144,
    sendErrors: 0,
    achievedBytesPerSecond: 999_999.7,
    dropped: {},
    ...more,
  };
  return {
    state: () => state,
    now(next: Partial<SendingState>) {
      state = { ...state, ...next };
    },
  };
}

const facts = { site: 'docs', repair: 'fec', bytesPerSecondMax: () => 2_000_000 } as const;
const receiver = (node: string, state: SendingState['receivers'][number]['state'], loss = 0) => ({
  node,
  state,
  loss,
});

test('LEAD-83: a session is told at its begin, each second while it changes, and once at its end', () => {
  const { clock, sessions, taken, logged } = start();
  const watch = sessions.begin(facts);
  assert.deepEqual(sessions.running(), []);
  const sending = sendingOf(0xabc, [receiver('web2', 'receiving', 0.5), receiver('web3', 'complete')]);
  watch.opened(sending);
  clock.advance(0);
  const [first] = taken();
  assert.deepEqual(first, [
    {
      id: '00000abc',
      site: 'docs',
      assignment: 'a'.repeat(64),
      group: '239.255.84.1',
      port: 17_460,
      repair: 'fec',
      isRunning: true,
      tookMs: 0,
      blocks: 10,
      blocksSent: 2,
      sentBytes: 262_144,
      bytesPerSecond: 1_000_000,
      bytesPerSecondMax: 2_000_000,
      loss: 0.012,
      repairShare: 0.025,
      receivers: { invited: 0, absent: 0, receiving: 1, complete: 1, failed: 0, unicast: 0 },
      incomplete: [{ node: 'web2', state: 'receiving', loss: 0.5, why: null }],
      problem: null,
    },
  ]);
  clock.advance(5_000);
  assert.deepEqual(taken(), [], 'nothing changed');
  for (let sent = 3; sent <= 8; sent += 1) {
    sending.now({ sent });
    clock.advance(250);
  }
  const told = taken();
  assert.ok(told.length >= 1 && told.length <= 2, 'once a second');
  sending.now({
    sent: 10,
    sentBytes: 2_000_000,
    receivers: [receiver('web2', 'complete'), receiver('web3', 'complete')],
  });
  watch.heard({ type: 'complete', node: 'web2' });
  watch.heard({ type: 'ended', complete: ['web2', 'web3'], unicast: [], failed: [], error: null });
  clock.advance(1_000);
  const [end, ...more] = taken();
  assert.deepEqual(more, []);
  assert.deepEqual(
    end?.map(({ isRunning, blocksSent, incomplete, problem }) => [
      isRunning,
      blocksSent,
      incomplete,
      problem,
    ]),
    [[false, 10, [], null]],
  );
  assert.equal(end?.[0]?.bytesPerSecond, Math.round((2_000_000 * 1_000) / 6_500), 'of all of it');
  clock.advance(10_000);
  assert.deepEqual([taken(), sessions.running(), clock.waiting()], [[], [], []]);
  assert.deepEqual(logged, ['info: a multicast session has begun', 'info: a multicast session has ended']);
});

test('LEAD-83: why somebody fetches or takes nothing more is told, the failed first and 32 at most; what went wrong is in the log', () => {
  const { clock, sessions, taken, logged } = start();
  const watch = sessions.begin(facts);
  const many = Array.from({ length: 40 }, (_, index) => receiver(`n${index}`, 'receiving'));
  const all = [...many, receiver('web2', 'unicast', 0.6), receiver('web3', 'failed')];
  watch.opened(sendingOf(1, all));
  watch.heard({
    type: 'unicast',
    node: 'web2',
    blocks: [{ from: 1, to: 2 }],
    why: 'alone',
    sentence: 'One block.',
  });
  watch.heard({ type: 'unicast', node: 'web2', blocks: null, why: 'lossy', sentence: 'Too much is lost.' });
  watch.heard({ type: 'failed', node: 'web3', reason: `disk full ${'x'.repeat(5_000)}` });
  watch.heard({ type: 'problem', lagging: ['n1'], sentence: 'It became no less.' });
  watch.heard({ type: 'network', isUp: true, sentence: 'It is up.' });
  clock.advance(0);
  const session = taken()[0]?.[0];
  assert.equal(session?.incomplete.length, 32);
  assert.deepEqual(
    session?.incomplete.slice(0, 2).map(({ node, why }) => [node, why?.slice(0, 17)]),
    [
      ['web3', 'disk full xxxxxxx'],
      ['web2', 'Too much is lost.'],
    ],
  );
  assert.deepEqual([session?.problem, session?.receivers.receiving], ['It became no less.', 40]);
  watch.heard({ type: 'ended', complete: [], unicast: [], failed: [], error: 'the source broke' });
  clock.advance(0);
  assert.equal(sessions.running().length, 0);
  clock.advance(1_000);
  assert.equal(taken()[0]?.[0]?.problem, 'the source broke');
  assert.deepEqual(logged.slice(1), [
    'warn: It became no less.',
    'warn: a multicast session has ended, and not all have it by multicast',
  ]);
});

test('LEAD-83: an end waits for a link, the last twenty of them; one that came before the session was open is told as well', () => {
  const { clock, sessions, link, taken } = start();
  link.isUp = false;
  for (let number = 0; number < 30; number += 1) {
    const watch = sessions.begin(facts);
    watch.heard({ type: 'ended', complete: ['web2'], unicast: [], failed: [], error: null });
    watch.opened(sendingOf(number, [receiver('web2', 'complete')]));
    clock.advance(1_000);
  }
  assert.deepEqual(clock.waiting(), [], 'no timer waits for a link');
  link.isUp = true;
  clock.advance(2_000);
  assert.deepEqual(taken(), []);
  sessions.heard();
  clock.advance(0);
  const told = taken().flat();
  assert.equal(told.length, 20);
  assert.deepEqual(new Set(told.map(({ isRunning }) => isRunning)), new Set([false]));
  assert.equal(told.at(-1)?.id, '0000001d');
  const running = sessions.begin(facts);
  running.opened(sendingOf(99, []));
  sessions.close();
  assert.deepEqual(clock.waiting(), []);
});
