// N66: what agents and CCMs of former versions say and sign is understood and believed by this one.

import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { describeAssignment } from '../../src/assignment/describe-assignment.ts';
import { verifyObject } from '../../src/assignment/signed.ts';
import type { CcmMessage } from '../../src/model/messages.ts';
import { parseJoinToken } from '../../src/net/join/join-token.ts';
import { agentMessageSchema } from '../../src/net/link/agent-message-schema.ts';
import { ccmMessageSchema } from '../../src/net/link/ccm-message-schema.ts';
import { negotiateProtocol } from '../../src/net/link/negotiate-protocol.ts';
import { parseMessage } from '../../src/net/link/parse-message.ts';
import { verifyTicket } from '../../src/net/tickets/ticket.ts';
import { recordedFrames, recordedText, recordedVersions } from './recorded.ts';

for (const version of recordedVersions) {
  const certificate = () => new X509Certificate(recordedText(version, 'node-certificate.pem'));
  const ccmFrames = () =>
    recordedFrames(version, 'ccm').map((frame) => parseMessage(frame, ccmMessageSchema));
  const only = <T extends CcmMessage['type']>(type: T) =>
    ccmFrames().filter((message): message is Extract<CcmMessage, { type: T }> => message.type === type);
  const releaseKeys = () =>
    only('welcome').flatMap((welcome) => welcome.releaseKeys.map((pem) => createPublicKey(pem)));

  test(`N66 ${version}: the agent's hello is welcomed, its reports are read, its receipts are genuine`, () => {
    const [first, ...reports] = recordedFrames(version, 'agent');
    const { hello, protocol } = negotiateProtocol(first);
    assert.deepEqual([hello.node, protocol], ['web1', 1]);
    const types = new Set<string>();
    for (const frame of reports) {
      const message = parseMessage(frame, agentMessageSchema);
      types.add(message.type);
      if ('receipt' in message)
        assert.ok(verifyObject(message.receipt, certificate().publicKey), `the receipt of ${message.type}`);
    }
    assert.deepEqual([...types].sort(), ['held', 'staged', 'switched', 'verified']);
  });

  test(`N66 ${version}: the CCM's messages are read, its decisions, tickets and assignments are believed`, () => {
    const keys = releaseKeys();
    assert.equal(keys.length, 1);
    const decisions = only('decision');
    assert.deepEqual(
      decisions.map(({ decision }) => [decision.kind, decision.release.sequence]),
      [
        ['commit', 1],
        ['commit', 2],
        ['commit', 3],
        ['rollback', 4],
      ],
    );
    for (const { decision } of decisions) assert.ok(verifyObject(decision, keys));
    const kinds = only('assignment').map(({ id, source }) => {
      if (source.kind === 'url') {
        const now = decisions[0]?.decision.decidedAt ?? 0;
        verifyTicket(source.ticket, { keys, assignment: id, fetcher: 'web1', now });
        return source.kind;
      }
      const described = describeAssignment(Buffer.from(source.manifest, 'base64'), {
        data: Buffer.from(source.data, 'base64'),
        keys,
      });
      assert.equal(described.signature, 'verified');
      assert.deepEqual(described.data === 'absent' ? 'absent' : described.data.corruptBlocks, []);
      return source.kind;
    });
    assert.deepEqual(kinds, ['inline', 'url', 'inline']);
  });

  test(`N66 ${version}: its join tokens and certificates are read`, () => {
    const token = parseJoinToken(recordedText(version, 'join-token').trim());
    assert.equal(token.url, 'https://127.0.0.1:17443');
    assert.equal(certificate().subjectAltName, 'URI:treecast:node:web1');
  });
}
