// A member's connection is watched: a leader that says nothing any more counts as gone, one that is heard does not, and one that never says anything
// cannot be reached.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { steadyClock } from '../../net/clock.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { until } from '../../plugins/testing/until.ts';
import { createMemberConnection } from './member-connection.ts';
import { runScriptedLeader } from './testing/scripted-leader.ts';

const session = { type: 'session', segment: 'cd'.repeat(16), session: null } as const;

test('LEAD-51 LINK-6: who has heard nothing of its leader for more than three ticks ends the connection; a ping is a word', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const { identity } = await issueNodeCredentials(authority, 'web-1');
  const leader = await runScriptedLeader(t, authority, 'web-2', { onMember: (say) => say(session) });
  const clock = createManualClock();
  const heard: string[] = [];
  const downs: string[] = [];
  const connection = createMemberConnection({
    leader: leader.place,
    credentials: { identity, ca: authority.certificate },
    onMessage: ({ type }) => heard.push(type),
    onDown: (error) => downs.push(error.message),
    clock,
  });
  t.after(() => connection.close());
  await until('it stands', () => heard.length === 1);
  const leaderKey = connection.leaderKey();
  assert.ok(
    leaderKey !== undefined && connection.leaderKey()?.equals(leaderKey),
    'the same each time (LEAD-107)',
  );
  clock.advance(3_000);
  leader.sockets[0]?.ping();
  leader.say(session);
  await until('something was heard', () => heard.length === 2);
  clock.advance(3_000);
  assert.equal(downs.length, 0);
  clock.advance(1_000);
  await until('it is over', () => downs.length === 1);
  assert.match(downs.join(), /web-2 went silent/);
});

test('LEAD-51 LEAD-54: a leader whose port answers nothing, as behind a firewall that drops, is one that cannot be reached', async (t) => {
  const sockets: Socket[] = [];
  const mute = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const { identity } = await issueNodeCredentials(authority, 'web-1');
  const down = Promise.withResolvers<Error>();
  createMemberConnection({
    leader: { node: 'web-2', address: '127.0.0.1', port: (mute.address() as AddressInfo).port },
    credentials: { identity, ca: authority.certificate },
    onMessage: () => undefined,
    onDown: down.resolve,
    clock: steadyClock,
    handshakeTimeoutMs: 100,
  });
  assert.match((await down.promise).message, /^The leader web-2 cannot be reached at 127\.0\.0\.1:\d+: /);
});

test('LEAD-51 LINK-31: a leader that floods a member with messages is left', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const { identity } = await issueNodeCredentials(authority, 'web-1');
  const leader = await runScriptedLeader(t, authority, 'web-2', {
    onMember(say) {
      for (let n = 0; n < 10_500; n++) say(session);
    },
  });
  const down = Promise.withResolvers<Error>();
  let heard = 0;
  const connection = createMemberConnection({
    leader: leader.place,
    credentials: { identity, ca: authority.certificate },
    onMessage: () => {
      heard += 1;
    },
    onDown: down.resolve,
    clock: createManualClock(),
  });
  t.after(() => connection.close());
  assert.match((await down.promise).message, /web-2 says more than can be honest/);
  assert.equal(heard, 10_000);
});
