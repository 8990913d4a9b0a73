// The LAN builder: hosts reach each other, can be cut off, lose what they are told to lose, and leave nothing behind.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { createLan, type LanHost } from './lan.ts';
import { runProgram } from './run-program.ts';

const server = `
  const server = process.getBuiltinModule('node:net').createServer((socket) => socket.end('hello'));
  server.listen(7000, () => process.stdout.write('ready'));
`;
const client = (address: string): string => `
  const socket = process.getBuiltinModule('node:net').connect({ host: '${address}', port: 7000, timeout: 500 });
  const end = (word) => { process.stdout.write(word); process.exit(0); };
  socket.on('data', (data) => end(String(data))).on('timeout', () => end('unreachable')).on('error', () => end('unreachable'));
`;
const sender = (address: string, count: number): string => `
  const socket = process.getBuiltinModule('node:dgram').createSocket('udp4');
  let left = ${count};
  const next = () => (left-- > 0 ? socket.send('x', 7001, '${address}', next) : socket.close());
  next();
`;

const node = (host: LanHost, program: string): Promise<string> => host.run(process.execPath, ['-e', program]);

async function listen(host: LanHost): Promise<ChildProcess> {
  const child = host.spawn(process.execPath, ['-e', server], { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
  return child;
}

testNeeding(['netns'], 'hosts of a LAN reach each other, and not while they are cut off', async () => {
  const lan = await createLan({ hosts: 3 });
  const [first, second, third] = lan.hosts as [LanHost, LanHost, LanHost];
  const listening = await listen(first);
  try {
    assert.equal(await node(second, client(first.address)), 'hello');
    assert.equal(await node(third, client(first.address)), 'hello');
    await second.cut();
    assert.equal(await node(second, client(first.address)), 'unreachable');
    assert.equal(await node(third, client(first.address)), 'hello');
    await second.heal();
    assert.equal(await node(second, client(first.address)), 'hello');
  } finally {
    listening.kill();
    await lan.close();
  }
});

testNeeding(['netns', 'nft'], 'loss drops about its share and says how many', async () => {
  const lan = await createLan({ hosts: 2 });
  const [first, second] = lan.hosts as [LanHost, LanHost];
  try {
    await first.loss(20);
    await node(first, sender(second.address, 2000));
    const dropped = await first.dropped();
    // 400 expected, standard deviation 18.
    assert.ok(dropped > 300 && dropped < 500, `${dropped} of 2000 dropped at 20 %`);
    await first.loss(0);
    await node(first, sender(second.address, 100));
    assert.equal(await first.dropped(), 0);
  } finally {
    await lan.close();
  }
});

testNeeding(['netns', 'tc'], 'a rate limit is set and read back', async () => {
  const lan = await createLan({ hosts: 1 });
  const [only] = lan.hosts as [LanHost];
  try {
    await only.rate('100mbit');
    assert.match(await only.run('tc', ['qdisc', 'show', 'dev', 'eth0']), /tbf .*rate 100Mbit/);
  } finally {
    await lan.close();
  }
});

testNeeding(['netns'], 'a LAN leaves nothing behind, and two of them do not meet', async () => {
  const links = await runProgram('ip', ['-brief', 'link']);
  const [one, other] = await Promise.all([createLan({ hosts: 2 }), createLan({ hosts: 2 })]);
  const namespaces = [...one.hosts, ...other.hosts].map((host) => host.namespace);
  assert.equal(new Set(namespaces).size, 4);
  const [host] = other.hosts as [LanHost];
  const listening = await listen(host);
  try {
    assert.equal(await node(one.hosts[1] as LanHost, client(host.address)), 'unreachable');
    assert.equal(await node(other.hosts[1] as LanHost, client(host.address)), 'hello');
  } finally {
    listening.kill();
    await Promise.all([one.close(), other.close()]);
  }
  await one.close();
  const left = await runProgram('ip', ['netns', 'list']);
  for (const namespace of namespaces) assert.ok(!left.includes(namespace), `${namespace} is still there`);
  assert.equal(await runProgram('ip', ['-brief', 'link']), links);
});
