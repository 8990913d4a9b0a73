// The WAN builder: hosts of different sites reach each other by unicast alone, not while a link is cut, and nothing is left behind.

import assert from 'node:assert/strict';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import type { LanHost } from './lan.ts';
import { runProgram } from './run-program.ts';
import { createWan } from './wan.ts';

/** Says each datagram that it hears, by unicast or in the group. */
const listener = (address: string): string => `
  const socket = process.getBuiltinModule('node:dgram').createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('message', (bytes) => process.stdout.write(bytes + '\\n'));
  socket.bind(7001, () => {
    socket.addMembership('239.255.84.67', '${address}');
    process.stdout.write('ready\\n');
  });
`;

const send = (from: LanHost, to: string, word: string): Promise<string> =>
  from.run(process.execPath, [
    '-e',
    `const socket = process.getBuiltinModule('node:dgram').createSocket('udp4');
     socket.bind(0, () => {
       socket.setMulticastInterface('${from.address}');
       socket.setMulticastTTL(32);
       socket.send('${word}', 7001, '${to}', () => socket.close());
     });`,
  ]);

testNeeding(
  ['netns', 'tc'],
  'sites of a WAN reach each other by unicast and not by multicast, and not while a link is cut; it leaves nothing behind',
  async () => {
    const wan = await createWan([1, 2]);
    const [[ccm], [near, far]] = wan.sites.map(({ hosts }) => hosts) as [[LanHost], [LanHost, LanHost]];
    let heard = '';
    const listening = far.spawn(process.execPath, ['-e', listener(far.address)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      assert.ok(listening.stdout);
      listening.stdout.setEncoding('utf8').on('data', (words: string) => {
        heard += words;
      });
      const hears = (word: string): Promise<void> => until(`${word}: ${heard}`, () => heard.includes(word));
      await hears('ready');
      assert.notEqual(near.address.split('.')[2], ccm.address.split('.')[2]);
      await send(ccm, '239.255.84.67', 'group of another site');
      await send(ccm, far.address, 'over the router');
      await hears('over the router');
      await send(near, '239.255.84.67', 'group of this site');
      await hears('group of this site');

      await wan.sites[1]?.cut();
      await send(ccm, far.address, 'while it is cut');
      await send(near, far.address, 'the site itself goes on');
      await hears('the site itself goes on');
      assert.doesNotMatch(heard, /while it is cut/);
      await wan.sites[1]?.heal();
      await send(ccm, far.address, 'healed');
      await hears('healed');
      assert.doesNotMatch(heard, /another site/);

      const before = (await ccm.traffic()).sent;
      await send(ccm, far.address, 'x'.repeat(1_000));
      assert.ok((await ccm.traffic()).sent - before >= 1_000);
      await wan.sites[0]?.rate('100mbit');
    } finally {
      listening.kill();
      await wan.close();
    }
    await wan.close();
    const left = await runProgram('ip', ['netns', 'list']);
    assert.ok(!left.includes(ccm.namespace) && !left.includes(far.namespace), left);
  },
);
