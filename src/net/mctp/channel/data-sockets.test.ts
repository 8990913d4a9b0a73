// A session's sockets, on the loopback interface.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { openReceiverSockets, openSenderSockets } from './data-sockets.ts';

const lo = { name: 'lo', address: '127.0.0.1', isLoopback: true };
const base = { interface: lo, group: { address: '239.255.84.16', port: 17_469 } };

function inbox(): { readonly onDatagram: (bytes: Buffer) => void; readonly next: () => Promise<string> } {
  const events = new EventTarget();
  const heard: string[] = [];
  return {
    onDatagram(bytes) {
      heard.push(bytes.toString());
      events.dispatchEvent(new Event('more'));
    },
    async next() {
      while (heard.length === 0) await once(events, 'more');
      return heard.shift() as string;
    },
  };
}

test('MCTP-73: two receivers on one machine hear the group, and the sender hears what one of them says', async () => {
  const [first, second, said] = [inbox(), inbox(), inbox()];
  const onError = (error: Error): void => assert.fail(error);
  const sent = (error: Error | null): void => assert.ifError(error);
  const receivers = [
    await openReceiverSockets({ ...base, ...first, onError }),
    await openReceiverSockets({ ...base, ...second, onError }),
  ] as const;
  const sender = await openSenderSockets({ ...base, ...said, onError, port: 17_470 });
  try {
    assert.ok(receivers[0].receiveBufferBytes > 0);
    sender.send(Buffer.from('frame'), sent);
    assert.deepEqual(await Promise.all([first.next(), second.next()]), ['frame', 'frame']);
    receivers[0].sendTo(Buffer.from('status'), sender.own, sent);
    assert.equal(await said.next(), 'status');
  } finally {
    for (const sockets of [...receivers, sender]) sockets.close();
  }
});

test('MCTP-73: what is no group of this interface rejects with what the system says, and nothing stays open', async () => {
  const wrong = { ...base, group: { address: '127.0.0.1', port: 17_469 } };
  await assert.rejects(openReceiverSockets({ ...wrong, onDatagram() {}, onError() {} }), { code: 'EINVAL' });
  const elsewhere = { ...base, interface: { ...lo, address: '192.0.2.1' } };
  await assert.rejects(openSenderSockets({ ...elsewhere, port: 17_470, onDatagram() {}, onError() {} }), {
    code: 'EADDRNOTAVAIL',
  });
});
