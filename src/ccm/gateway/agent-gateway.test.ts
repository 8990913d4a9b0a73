import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CcmMessage } from '../../model/messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { closeCodes } from '../../net/link/close-codes.ts';
import { agentMessageBytesMax } from '../../net/link/limits.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { until } from '../../plugins/testing/until.ts';
import { connectGreeted, connectRawAgent, helloOf } from './testing/raw-agent.ts';
import { runGateway } from './testing/running-gateway.ts';

const release = { epoch: 1, sequence: 1 };

test('LINK-2 LINK-5: a hello connects, and reports are handed over in the order they were sent', async (t) => {
  const running = await runGateway(t);
  const { identity, key } = await running.addNode('web-1');
  const agent = await connectRawAgent(running, identity);
  agent.say(helloOf('web-1', { labels: { zone: 'a' } }));
  for (let sequence = 0; sequence < 200; sequence++) {
    agent.say({ type: 'undone', site: 'site', release: { epoch: 1, sequence } });
  }
  await until('all arrived', () => running.events.length === 201);
  const [first, ...rest] = running.events;
  assert.ok(first?.what === 'connected' && first.node === 'web-1' && first.protocol === 1);
  assert.deepEqual(first.hello.labels, { zone: 'a' });
  assert.ok(first.publicKey.equals(createPublicKey(key)));
  const sequences = rest.map((event) =>
    event.what === 'message' && event.report.type === 'undone' ? event.report.release.sequence : -1,
  );
  assert.deepEqual(
    sequences,
    Array.from({ length: 200 }, (_, n) => n),
  );
});

test('LINK-5: messages reach an agent in order, broadcasts to more than one turn’s worth included', async (t) => {
  const running = await runGateway(t);
  const agent = await connectGreeted(running, await running.addNode('web-1'));
  const many = Array.from({ length: 250 }, () => 'web-1');
  running.gateway.broadcast(many, { type: 'abort', site: 'site', release });
  running.gateway.send('web-1', { type: 'removed', site: 'last' });
  running.gateway.send('nobody', { type: 'removed', site: 'last' });
  await until('all arrived', () => agent.received.length === 252);
  assert.equal(agent.received.at(-1)?.type, 'removed');
  assert.equal(agent.received.filter(({ type }) => type === 'abort').length, 250);
});

test('LINK-1: without a certificate, or with one of another CA, there is no link', async (t) => {
  const running = await runGateway(t);
  const other = await createCertificateAuthority(join(temporaryDirectory(t), 'other'));
  const stranger = await issueNodeCredentials(other, 'web-1');
  await running.addNode('web-1');
  await assert.rejects(connectRawAgent(running, undefined), /403/);
  await assert.rejects(connectRawAgent(running, stranger.identity));
  assert.deepEqual(running.events, []);
});

test('LINK-10: nodes that were removed, replaced or never registered are told so and closed with a code', async (t) => {
  const running = await runGateway(t);
  const removed = await running.addNode('removed');
  running.nodes.delete('removed');
  const replaced = await running.addNode('replaced');
  await running.addNode('replaced');
  const unknown = await issueNodeCredentials(running.certificates, 'unknown');
  for (const { identity } of [removed, replaced, unknown]) {
    const agent = await connectRawAgent(running, identity);
    const { code, reason } = await agent.closed;
    assert.deepEqual([code, reason], [closeCodes.certificateInvalid, 'CERTIFICATE_INVALID']);
    assert.equal(agent.received[0]?.error?.code, 'CERTIFICATE_INVALID');
  }
  assert.deepEqual(running.refusals, Array(3).fill('CERTIFICATE_INVALID'));
  assert.deepEqual(running.events, []);
});

test('LINK-10: a connected node that is removed is told so and closed', async (t) => {
  const running = await runGateway(t);
  const agent = await connectGreeted(running, await running.addNode('web-1'));
  running.gateway.close('web-1', new TreecastError('CERTIFICATE_INVALID', 'The node was removed.'));
  assert.equal((await agent.closed).code, closeCodes.certificateInvalid);
  assert.equal(agent.received.at(-1)?.type, 'refused');
  await until('it is gone', () => !running.gateway.isConnected('web-1'));
  assert.equal(running.events.at(-1)?.what, 'disconnected');
});

test('LINK-2: a hello in another node’s name is refused', async (t) => {
  const running = await runGateway(t);
  const agent = await connectRawAgent(running, (await running.addNode('web-1')).identity);
  agent.say(helloOf('web-2'));
  assert.equal((await agent.closed).code, closeCodes.certificateInvalid);
  assert.deepEqual(running.events, []);
});

test('LINK-3 N66: no common protocol is refused with PROTOCOL_VERSION, whatever else the hello says', async (t) => {
  const running = await runGateway(t);
  const { identity } = await running.addNode('web-1');
  const agent = await connectRawAgent(running, identity);
  agent.say({ type: 'hello', protocols: [2, 3], shape: 'of the future' });
  const { code, reason } = await agent.closed;
  assert.deepEqual([code, reason], [closeCodes.protocolVersion, 'PROTOCOL_VERSION']);
  assert.equal(agent.received[0]?.error?.code, 'PROTOCOL_VERSION');
  const newer = await connectRawAgent(running, identity);
  newer.say({ ...helloOf('web-1', { protocols: [1, 2] }), added: 'by version 2' });
  await once(newer.socket, 'message');
  assert.equal(running.events.at(-1)?.what, 'connected');
});

test('LINK-4: what breaks the rules closes the connection with a code and reaches no handler', async (t) => {
  const running = await runGateway(t);
  const credentials = await running.addNode('web-1');
  const held = { type: 'held', site: 'site', assignment: 'a'.repeat(64) };
  const wrong: readonly [string, string | Buffer][] = [
    ['not JSON', '{'],
    ['binary', Buffer.from(JSON.stringify(held))],
    ['unknown type', '{"type":"gossip"}'],
    ['unknown key', JSON.stringify({ ...held, more: 1 })],
    ['missing key', '{"type":"held","site":"site"}'],
    ['bad name', JSON.stringify({ ...held, site: '../site' })],
    ['a second hello', JSON.stringify(helloOf('web-1'))],
    ['the CCM’s words', '{"type":"removed","site":"site"}'],
    ['null', 'null'],
    ['prototype', '{"__proto__":{"type":"held"}}'],
  ];
  for (const [name, frame] of wrong) {
    const agent = await connectGreeted(running, credentials);
    agent.socket.send(frame);
    agent.say(held);
    const { code, reason } = await agent.closed;
    assert.deepEqual([code, reason], [closeCodes.messageInvalid, 'MESSAGE_INVALID'], name);
  }
  const early = await connectRawAgent(running, credentials.identity);
  early.say(held);
  assert.equal((await early.closed).code, closeCodes.messageInvalid);
  assert.equal(running.events.filter(({ what }) => what === 'message').length, 0);
});

test('LINK-4: a frame above the limit closes the connection with 1009', async (t) => {
  const running = await runGateway(t);
  const agent = await connectGreeted(running, await running.addNode('web-1'));
  agent.socket.send('x'.repeat(agentMessageBytesMax + 1));
  assert.equal((await agent.closed).code, closeCodes.tooLarge);
  await until('it is gone', () => running.events.at(-1)?.what === 'disconnected');
});

test('LINK-8: the newer connection of a node wins; the older is closed and heard no more', async (t) => {
  const running = await runGateway(t);
  const credentials = await running.addNode('web-1');
  const older = await connectGreeted(running, credentials);
  const newer = await connectGreeted(running, credentials);
  older.say({ type: 'undone', site: 'site', release });
  assert.equal((await older.closed).code, closeCodes.replaced);
  newer.say({ type: 'undone', site: 'site', release: { epoch: 2, sequence: 2 } });
  await until('the newer is heard', () => running.events.some(({ what }) => what === 'message'));
  assert.deepEqual(
    running.events.map(({ what, connection }) => `${what} ${connection}`),
    ['connected 1', 'disconnected 1', 'connected 2', 'message 2'],
  );
  assert.ok(running.gateway.isConnected('web-1'));
});

test('LINK-6: an agent that does not answer pings is cut off after three ticks without a sign of life', async (t) => {
  const clock = createManualClock();
  const running = await runGateway(t, { clock });
  const lively = await connectGreeted(running, await running.addNode('lively'));
  const silent = await connectGreeted(running, await running.addNode('silent'));
  let pings = 0;
  lively.socket.on('ping', () => {
    pings += 1;
  });
  silent.socket.pause();
  for (let tick = 1; tick <= 3; tick++) {
    clock.advance(1_000);
    await until('the ping arrived', () => pings === tick);
    lively.say({ type: 'undone', site: 'site', release: { epoch: 1, sequence: tick } });
    await until(
      'the answer arrived',
      () => running.events.filter(({ what }) => what === 'message').length === tick,
    );
    assert.ok(running.gateway.isConnected('silent'));
  }
  clock.advance(1_000);
  await until('the silent one is gone', () => !running.gateway.isConnected('silent'));
  assert.ok(running.gateway.isConnected('lively'));
  silent.socket.terminate();
});

test('LINK-2: who says no hello within five seconds is closed', async (t) => {
  const clock = createManualClock();
  const running = await runGateway(t, { clock, pingIntervalMs: 3_600_000 });
  const agent = await connectRawAgent(running, (await running.addNode('web-1')).identity);
  await until('the gateway waits for the hello', () => clock.waiting().includes(5_000));
  clock.advance(5_000);
  assert.equal((await agent.closed).code, closeCodes.helloTimeout);
});

test('LINK-11: an agent that does not read is cut off when 16 MiB wait for it', async (t) => {
  const running = await runGateway(t, { pingIntervalMs: 3_600_000 });
  const agent = await connectGreeted(running, await running.addNode('web-1'));
  agent.socket.pause();
  const releaseKeys = Array.from({ length: 16 }, () => 'k'.repeat(65_536));
  const welcome: CcmMessage = { type: 'welcome', protocol: 1, ccmTime: 0, sites: [], releaseKeys };
  for (let n = 0; n < 40; n++) running.gateway.send('web-1', welcome);
  await until('it is cut off', () => !running.gateway.isConnected('web-1'));
  agent.socket.terminate();
});

test('stopping the gateway closes its connections and its port', async (t) => {
  const running = await runGateway(t);
  const credentials = await running.addNode('web-1');
  const agent = await connectGreeted(running, credentials);
  await running.gateway.stop();
  assert.equal((await agent.closed).code, closeCodes.goingAway);
  await assert.rejects(connectRawAgent(running, credentials.identity), { code: 'ECONNREFUSED' });
});
