// The simulator's model of the wire against the wire itself: lengths of messages, and how long lists are split.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControlMessage, ListedMember } from '../../src/model/segment.ts';
import { sampleMessages } from '../../src/net/segment/testing/sample-messages.ts';
import { encodeDatagram } from '../../src/net/segment/wire/envelope.ts';
import { isDriverMessage } from '../../src/net/segment/wire/segment-message.ts';
import { splitMessage } from '../../src/net/segment/wire/split-message.ts';
import * as model from '../../src/sim/segment/wire-model.ts';

const envelope = {
  segment: '0f'.repeat(16),
  fingerprint: 'ab'.repeat(32),
  boot: 1,
  counter: 2,
  wantsUnicast: false,
};
const bytesOf = (message: ControlMessage): number =>
  encodeDatagram(envelope, 'group', message, () => new Uint8Array(64)).length;

for (const message of sampleMessages) {
  if (isDriverMessage(message)) continue;
  test(`SIM-4: ${message.type} has the length that the simulator counts`, () => {
    assert.equal(model.messageBytes(message), bytesOf(message));
  });
}

test('SIM-4 CHAN-4: the simulator splits long lists where the driver does', () => {
  const members = Array.from(
    { length: 500 },
    (_, index): ListedMember => ({
      node: `web-${index}`,
      address: `10.77.${index >> 8}.${index & 255}`,
      port: 17_446,
      nonce: index,
      online: true,
    }),
  );
  const list: ControlMessage = { type: 'member-list', term: 1, list: 2, part: 0, parts: 1, members };
  const solicit: ControlMessage = { type: 'solicit', term: 1, nodes: members.map(({ node }) => node) };
  for (const message of [list, solicit, { ...list, members: [] }]) {
    assert.deepEqual(model.splitMessage(message), splitMessage(message));
  }
});
