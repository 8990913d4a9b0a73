// A member's connection is watched: a leader that says nothing any more counts as gone, one that is heard does not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
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
