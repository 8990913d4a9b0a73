import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { LeaderToMember, MemberToLeader } from './member-messages.ts';
import { leaderToMemberSchema, memberToLeaderSchema } from './member-schemas.ts';
import { signFrame } from './signed-frame.ts';

const session = 'ab'.repeat(16);
const release = { epoch: 1, sequence: 2 };
const { privateKey } = generateKeyPairSync('ed25519');
const frame = signFrame({ session, node: 'web-1', counter: 0, text: '{}' }, privateKey);

const said: readonly MemberToLeader[] = [
  { type: 'open', frame },
  { type: 'say', frame },
  { type: 'report', round: 'r-1', frame },
  { type: 'working', round: 'r-1' },
];
const told: readonly LeaderToMember[] = [
  { type: 'session', segment: '0'.repeat(32), session },
  { type: 'session', segment: '0'.repeat(32), session: null },
  { type: 'answer', answer: 'refused', error: { code: 'FORBIDDEN', message: 'No.' } },
  {
    type: 'work',
    message: { type: 'abort', site: 'shop', release },
    round: { id: 'r-1', site: 'shop', release, phase: 'staged', spreadMs: 0.4 },
  },
  { type: 'fetchFromCcm', assignment: 'a'.repeat(64) },
  { type: 'report-request', round: 'r-1', asked: { missing: ['web-1'] }, spreadMs: 0 },
  {
    type: 'report-request',
    round: 'r-1',
    asked: { received: ['web-1'], after: null, upTo: 'web-3' },
    spreadMs: 4,
  },
];

test('LEAD-10: what leader and member say passes, and nothing else', () => {
  for (const message of said) assert.deepEqual(memberToLeaderSchema.parse(message), message);
  for (const message of told) assert.deepEqual(leaderToMemberSchema.parse(message), message);
  for (const message of [...said, ...told]) {
    const more = { ...message, more: 1 };
    assert.ok(!memberToLeaderSchema.safeParse(more).success && !leaderToMemberSchema.safeParse(more).success);
  }
  // Authority is never carried (LEAD-4).
  const removed = { type: 'work', message: { type: 'removed', site: 'shop' }, round: null };
  assert.ok(!leaderToMemberSchema.safeParse(removed).success);
});
