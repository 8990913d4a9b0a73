// The segment port over real sockets: who is let in, where it listens, and the tunnel, which leads to the CCM and nowhere else.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { readBody } from '../../net/http/read-body.ts';
import { issueNodeCredentials, type NodeCredentials } from '../../net/testing/node-credentials.ts';
import { ccmConnectionOptions, nodeConnectionOptions } from '../../net/tls/tls-settings.ts';
import { until } from '../../plugins/testing/until.ts';
import { type KitCcm, kitAssignment, kitTicket, runKitCcm, urlMessage } from './testing/kit-ccm.ts';
import {
  ask,
  connectMember,
  fingerprintOfMember,
  joinMember,
  type KitLeader,
  lead,
  startLeader,
} from './testing/leader-kit.ts';

interface Tunnel {
  readonly status: number;
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
}

/** As a node, or as a stranger, who shows nothing and believes nobody. */
async function openTunnel(
  t: TestContext,
  ccm: KitCcm,
  { port, credentials: of }: KitLeader,
  target: string,
  as: NodeCredentials | null,
): Promise<Tunnel> {
  const tls =
    as === null
      ? { rejectUnauthorized: false }
      : nodeConnectionOptions({ identity: as.identity, ca: ccm.certificates.certificate }, of.node);
  const outgoing = request({
    ...tls,
    host: '127.0.0.1',
    port,
    method: 'CONNECT',
    path: target,
    agent: false,
  });
  outgoing.end();
  const [response, socket] = (await once(outgoing, 'connect')) as [IncomingMessage, Socket];
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  return { status: response.statusCode ?? 0, socket, closed };
}

const targetOf = ({ url }: KitCcm): string => url.replace('https://', '');

test('LEAD-40: through the tunnel a node speaks TLS with the CCM itself, which sees the node and not the leader', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1');
  const node = await issueNodeCredentials(ccm.certificates, 'web-2');
  const assignment = kitAssignment(2_000_000);
  ccm.assignments.set(assignment.header.id, assignment);
  for (const as of [node, null]) {
    const { status, socket } = await openTunnel(t, ccm, leader, targetOf(ccm), as);
    assert.equal(status, 200);
    assert.equal(leader.leader.status().tunnels, 1);
    const inner = connectTls({
      socket,
      ...ccmConnectionOptions({ identity: node.identity, ca: ccm.certificates.certificate }),
    });
    await once(inner, 'secureConnect');
    const outgoing = request({
      createConnection: () => inner,
      path: `/assignments/${assignment.header.id}/data`,
      headers: { host: 'ccm', range: `bytes=0-${assignment.data.length - 1}` },
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    assert.ok((await readBody(response, 2 ** 30)).equals(assignment.data));
    inner.destroy();
    await until('it is closed', () => leader.leader.status().tunnels === 0);
  }
});

test('LEAD-40: a tunnel leads to no other host or port, however it is spelled', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1');
  const node = await issueNodeCredentials(ccm.certificates, 'web-2');
  const reached: unknown[] = [];
  const elsewhere = createServer((socket) => reached.push(socket));
  elsewhere.listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  t.after(() => elsewhere.close());
  const { port } = elsewhere.address() as { port: number };
  const own = new URL(ccm.url).port;
  const targets = [
    `127.0.0.1:${port}`,
    `localhost:${own}`,
    `127.0.0.1:${own}0`,
    `127.0.0.1`,
    `user@127.0.0.1:${own}`,
    `127.0.0.1:${own}/`,
    `https://127.0.0.1:${own}`,
    `[::ffff:127.0.0.1]:${own}`,
    `127.0.0.1:${leader.port}`,
  ];
  for (const target of targets) {
    for (const as of [node, null]) {
      const { status, closed } = await openTunnel(t, ccm, leader, target, as);
      assert.equal(status, 403, target);
      await closed;
    }
  }
  assert.deepEqual([reached.length, leader.leader.status().tunnels], [0, 0]);
});

test('LEAD-41 LEAD-42: strangers have few tunnels, a node some, all together a number; silent ones end, and the places are free again', async (t) => {
  const ccm = await runKitCcm(t);
  const limits = { strangerTunnelsMax: 2, nodeTunnelsMax: 3, tunnelsMax: 6, tunnelIdleMs: 4_000 };
  const leader = await startLeader(t, ccm, 'web-1', { limits });
  const [first, second] = [
    await issueNodeCredentials(ccm.certificates, 'web-2'),
    await issueNodeCredentials(ccm.certificates, 'web-3'),
  ];
  const statusOf = async (as: NodeCredentials | null): Promise<number> =>
    (await openTunnel(t, ccm, leader, targetOf(ccm), as)).status;
  const open = (): Promise<number[]> =>
    Promise.all([null, null, null, first, first, first, first].map(statusOf));
  const statuses = await open();
  const of = (code: number, among: readonly number[]): number =>
    among.filter((status) => status === code).length;
  assert.deepEqual([of(200, statuses.slice(0, 3)), of(429, statuses.slice(0, 3))], [2, 1]);
  assert.deepEqual([of(200, statuses.slice(3)), of(429, statuses.slice(3))], [3, 1]);
  assert.equal(await statusOf(second), 200);
  assert.equal(await statusOf(second), 429, 'there are six');
  await until('silent ones have ended', () => leader.leader.status().tunnels === 0);
  assert.deepEqual((await open()).filter((status) => status === 200).length, 5);
});

test('LEAD-40: a CCM that cannot be reached is told as such', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1');
  ccm.server.close();
  ccm.server.closeAllConnections();
  const { status, closed } = await openTunnel(t, ccm, leader, targetOf(ccm), null);
  assert.equal(status, 503);
  await closed;
});

test('LEAD-22: strangers, nodes of another CCM and revoked ones are no members; who is revoked while it is connected is cut off', async (t) => {
  const ccm = await runKitCcm(t);
  const elsewhere = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1', { limits: { pingIntervalMs: 50 } });
  lead(leader);
  const member = await joinMember(t, ccm, leader, 'web-2');
  const other = await joinMember(t, ccm, leader, 'web-3');
  const foreigner = await issueNodeCredentials(elsewhere.certificates, 'web-2');
  await assert.rejects(connectMember(t, ccm, leader, 'web-2', foreigner));
  // The leader's own name is checked by whoever connects.
  const wrong = { ...leader, credentials: { ...leader.credentials, node: 'web-9' } };
  await assert.rejects(connectMember(t, ccm, wrong, 'web-4'), { code: 'CERTIFICATE_INVALID' });
  leader.revoked.add(fingerprintOfMember(member));
  await member.closed;
  await until('the CCM is told', () => leader.saidOf('relayClosed').length === 1);
  await assert.rejects(connectMember(t, ccm, leader, 'web-2', member.credentials), /403/);
  const ticket = kitTicket({ assignment: 'a'.repeat(64) });
  const answer = await ask(ccm, leader, member.credentials, `/assignments/${'a'.repeat(64)}/data`, {
    authorization: `Ticket ${ticket}`,
  });
  assert.equal(answer.status, 403);
  assert.equal(other.socket.readyState, other.socket.OPEN);
});

test('LEAD-23: of a node only so many requests wait at once, also when they come behind one another on one connection', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1');
  lead(leader);
  const member = await joinMember(t, ccm, leader, 'web-2');
  const assignment = kitAssignment(500_000);
  const { id } = assignment.header;
  ccm.assignments.set(id, assignment);
  ccm.gate.at = 0;
  leader.leader.receive({ type: 'relay', nodes: ['web-2'], message: urlMessage(assignment) });
  const socket = connectTls({
    host: '127.0.0.1',
    port: leader.port,
    ...nodeConnectionOptions(
      { identity: member.credentials.identity, ca: ccm.certificates.certificate },
      'web-1',
    ),
  });
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  const ticket = kitTicket({ assignment: id });
  const data = `GET /assignments/${id}/data HTTP/1.1\r\nhost: x\r\nauthorization: Ticket ${ticket}\r\n\r\n`;
  socket.write(data.repeat(40));
  const headers = { authorization: `Ticket ${ticket}` };
  const another = () => ask(ccm, leader, member.credentials, `/assignments/${id}/held`, headers);
  await until('all places are taken', async () => (await another()).status === 429);
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  ccm.gate.open();
  const count = (status: number): number => text.split(`HTTP/1.1 ${status} `).length - 1;
  await until('all have been answered, or refused', () => count(429) > 0);
  assert.equal(count(200), 32);
});

test('LEAD-21: the port is where the node is reached: it waits until the number is free, moves, closes, and shows a renewed certificate', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1', { limits: { pingIntervalMs: 50 } });
  const portOf = () => leader.leader.status().port;
  const taken = createServer();
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  leader.leader.listenAt({ address: '127.0.0.1', port });
  await until('it is nowhere', () => portOf() === null);
  taken.close();
  await until('it is there', () => portOf()?.port === port);
  const moved = { ...leader, port };
  await connectMember(t, ccm, moved, 'web-2');
  const serialOf = async (): Promise<string | undefined> => {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const serial = socket.getPeerX509Certificate()?.serialNumber;
    socket.destroy();
    return serial;
  };
  const before = await serialOf();
  await leader.renew();
  await until('the new one is shown', async () => (await serialOf()) !== before);
  leader.leader.listenAt(null);
  await until('it is closed', () => portOf() === null);
  await assert.rejects(connectMember(t, ccm, moved, 'web-3'), { code: 'ECONNREFUSED' });
});
