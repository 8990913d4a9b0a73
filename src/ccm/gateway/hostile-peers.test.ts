// Peers of the agents' port that hold connections, flood, or do not read: each is ended, and honest agents are served meanwhile.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { closeCodes } from '../../net/link/close-codes.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { issueTicket } from '../../net/tickets/ticket.ts';
import { ccmConnectionOptions } from '../../net/tls/tls-settings.ts';
import { until } from '../../plugins/testing/until.ts';
import { connectGreeted, connectRawAgent, helloOf } from './testing/raw-agent.ts';
import { type RunningGateway, runGateway } from './testing/running-gateway.ts';

const release = { epoch: 1, sequence: 1 };

/** Resolves when the other side has closed it. */
function closedOf(t: TestContext, socket: Socket): Promise<unknown> {
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.resume();
  return new Promise((resolve) => socket.once('close', resolve));
}

async function open(t: TestContext, { port }: RunningGateway, localAddress: string) {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  const closed = closedOf(t, socket);
  await once(socket, 'connect');
  return { socket, closed };
}

test('LINK-32: TLS handshakes that never finish, and headers that come byte by byte, are ended', async (t) => {
  // Long enough for the honest handshakes of a machine that is busy.
  const running = await runGateway(t, { limits: { handshakeMs: 5_000 } });
  const silent = await open(t, running, '127.0.0.1');
  const half = await open(t, running, '127.0.0.1');
  half.socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
  const { identity } = await running.addNode('web-1');
  const tls = connectTls({
    port: running.port,
    host: '127.0.0.1',
    ...ccmConnectionOptions({ identity, ca: running.certificates.certificate }),
  });
  const slow = closedOf(t, tls);
  await once(tls, 'secureConnect');
  const text = `GET /agent HTTP/1.1\r\nhost: x\r\n${'x-more: y\r\n'.repeat(1_000)}`;
  let at = 0;
  const drip = setInterval(() => tls.write(text.slice(at, ++at)), 50);
  t.after(() => clearInterval(drip));
  await Promise.all([silent.closed, half.closed, slow]);
  await connectGreeted(running, await running.addNode('web-2'));
});

test('LINK-32: a fetcher that does not read is cut off when nothing moves', async (t) => {
  const running = await runGateway(t, { limits: { idleMs: 500 } });
  const { identity } = await running.addNode('web-1');
  const assignment = 'a'.repeat(64);
  const dataPath = join(running.directory, 'data');
  writeFileSync(dataPath, Buffer.alloc(64_000_000));
  running.assignments.set(assignment, { manifestPath: dataPath, dataPath });
  const facts = { job: 'j-1', assignment, fetcher: 'web-1', expiresAt: Date.now() + 60_000 };
  const call = request(`${running.url}/assignments/${assignment}/data`, {
    ...ccmConnectionOptions({ identity, ca: running.certificates.certificate }),
    headers: { authorization: `Ticket ${issueTicket(facts, running.releaseKey)}` },
    agent: false,
  });
  call.on('error', () => undefined);
  call.end();
  const [response] = await once(call, 'response');
  response.on('error', () => undefined);
  response.pause();
  const { socket } = call;
  assert.ok(socket !== null);
  const ended = new Promise((resolve) => socket.once('close', resolve));
  const isOpen = () =>
    readdirSync('/proc/self/fd').some((fd) => readlinkOf(`/proc/self/fd/${fd}`) === dataPath);
  await until('the gateway reads the file', isOpen);
  await until('the gateway let go of it', () => !isOpen());
  response.resume();
  await ended;
  assert.equal(response.complete, false);
});

test('LINK-32: strangers of one address are limited; nodes are none, and others are not concerned', async (t) => {
  const running = await runGateway(t, { limits: { strangersPerAddressMax: 2 } });
  const credentials = await running.addNode('web-1');
  for (let n = 0; n < 4; n++) {
    const agent = await connectRawAgent(running, credentials.identity, { localAddress: '127.0.0.2' });
    agent.say(helloOf('web-1'));
    await once(agent.socket, 'message');
  }
  const first = await open(t, running, '127.0.0.2');
  await open(t, running, '127.0.0.2');
  await (await open(t, running, '127.0.0.2')).closed;
  await open(t, running, '127.0.0.3');
  first.socket.destroy();
  await until('its place is free', async () => {
    const agent = await connectRawAgent(running, credentials.identity, { localAddress: '127.0.0.2' }).catch(
      () => undefined,
    );
    agent?.socket.terminate();
    return agent !== undefined;
  });
});

test('LINK-31: a flood of messages is refused with a code; what came before it was handled', async (t) => {
  const running = await runGateway(t, { clock: createManualClock() });
  const agent = await connectGreeted(running, await running.addNode('web-1'));
  for (let n = 0; n < 12_000; n++) agent.say({ type: 'undone', site: 'site', release });
  const { code, reason } = await agent.closed;
  assert.deepEqual([code, reason], [closeCodes.flood, 'RATE_LIMITED']);
  assert.equal(agent.received.at(-1)?.error?.code, 'RATE_LIMITED');
  const handled = running.events.filter(({ what }) => what === 'message').length;
  assert.ok(handled > 9_000 && handled <= 10_000, String(handled));
  assert.ok(running.refusals.includes('RATE_LIMITED'));
  assert.equal(running.events.at(-1)?.what, 'disconnected');
});

test('LINK-31 LINK-11: a flood of pings whose answers are not read ends, and nothing piles up', async (t) => {
  const running = await runGateway(t, { pingIntervalMs: 3_600_000, clock: createManualClock() });
  const agent = await connectGreeted(running, await running.addNode('web-1'));
  agent.socket.pause();
  const payload = Buffer.alloc(125);
  for (let n = 0; n < 12_000; n++) agent.socket.ping(payload);
  await until('it is cut off', () => running.refusals.includes('RATE_LIMITED'));
  agent.socket.terminate();
  await until('it is gone', () => !running.gateway.isConnected('web-1'));
  const lively = await connectGreeted(running, await running.addNode('web-2'));
  lively.socket.ping('still there?');
  const [answer] = await once(lively.socket, 'pong');
  assert.equal(String(answer), 'still there?');
});

test('an upgrade that is refused leaves no connection, although the peer keeps its end open', async (t) => {
  const running = await runGateway(t);
  const tls = connectTls({
    port: running.port,
    host: '127.0.0.1',
    ca: running.certificates.certificate,
    checkServerIdentity: () => undefined,
    allowHalfOpen: true,
  } as ConnectionOptions);
  const closed = closedOf(t, tls);
  await once(tls, 'secureConnect');
  tls.write('GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  await once(tls, 'end');
  // The kernel answers what is sent to a connection that nobody holds any more.
  const poke = setInterval(() => tls.write('still here'), 20);
  t.after(() => clearInterval(poke));
  await closed;
});

function readlinkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
