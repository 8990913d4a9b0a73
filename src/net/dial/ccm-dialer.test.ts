// A node's ways to the CCM's port, over real sockets: directly, through tunnels, and what is tried first.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { until } from '../../plugins/testing/until.ts';
import { createLinkClient } from '../link/link-client.ts';
import { runConnectProxy } from '../testing/connect-proxy.ts';
import { createManualClock } from '../testing/manual-clock.ts';
import { runScriptedCcm } from '../testing/scripted-ccm.ts';
import { ccmConnectionOptions } from '../tls/tls-settings.ts';
import { createCcmDialer } from './ccm-dialer.ts';
import { createDialingAgent } from './dialing-agent.ts';
import type { NetworkPlace } from './open-tunnel.ts';

/** An address at which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('LEAD-60: who cannot reach the CCM does through a node that can, by TLS with the CCM itself; the direct way has its turn again after a minute', async (t) => {
  const ccm = await runScriptedCcm(t, { onRequest: (_, response) => response.end('here') });
  const proxy = await runConnectProxy(t, ccm.certificates, 'web-2');
  const broken = await runConnectProxy(t, ccm.certificates, 'web-3');
  broken.refuse();
  const credentials = { identity: ccm.credentials.identity, ca: ccm.certificates.certificate };
  const clock = createManualClock();
  let vias: NetworkPlace[] = [];
  const dial = createCcmDialer({ credentials: () => credentials, vias: () => vias, clock });
  const agent = createDialingAgent(dial);
  t.after(() => agent.destroy());
  const real = new URL(ccm.url);
  const ask = async (port: string | number): Promise<number> => {
    const outgoing = request({
      ...ccmConnectionOptions(credentials),
      host: '127.0.0.1',
      port,
      path: '/',
      agent,
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    return response.statusCode;
  };

  assert.equal(await ask(real.port), 200, 'directly');
  const dead = await deadPort();
  await assert.rejects(ask(dead), { code: 'ECONNREFUSED' });
  vias = [broken, proxy];
  assert.equal(await ask(real.port), 200, 'directly, while that works');
  assert.deepEqual(proxy.asked, []);

  // The CCM is where nothing listens, as seen from here; the tunnel leads to the real one.
  const target = `127.0.0.1:${dead}`;
  proxy.leadTo(Number(real.port));
  assert.equal(await ask(dead), 200);
  assert.deepEqual([broken.asked, proxy.asked], [[target], [target]]);
  assert.equal(await ask(dead), 200);
  assert.deepEqual([broken.asked, proxy.asked], [[target], [target, target]], 'what worked is tried first');
  clock.advance(60_000);
  assert.equal(await ask(real.port), 200);
  assert.equal(proxy.asked.length, 2, 'the direct way has its turn again');
});

test('LEAD-60: a link through a tunnel is a link as any; another than the CCM at its end is refused', async (t) => {
  const ccm = await runScriptedCcm(t, {
    onSocket: (socket) =>
      socket.on('message', () =>
        socket.send(JSON.stringify({ type: 'welcome', protocol: 1, ccmTime: 0, releaseKeys: [], sites: [] })),
      ),
  });
  const proxy = await runConnectProxy(t, ccm.certificates, 'web-2');
  const credentials = { identity: ccm.credentials.identity, ca: ccm.certificates.certificate };
  const clock = createManualClock();
  const agent = createDialingAgent(
    createCcmDialer({ credentials: () => credentials, vias: () => [proxy], clock }),
  );
  t.after(() => agent.destroy());
  const dead = await deadPort();
  const received: string[] = [];
  const downs: string[] = [];
  proxy.leadTo(proxy.port);
  const client = createLinkClient({
    ccmUrl: `https://127.0.0.1:${dead}`,
    agent,
    credentials: () => credentials,
    hello: () => ({
      type: 'hello',
      protocols: [1],
      agentVersion: '0',
      node: 'web-1',
      profiles: [],
      url: null,
      labels: {},
      freeBytes: 0,
      freeInodes: 0,
      sites: [],
    }),
    onMessage: ({ type }) => received.push(type),
    onDown: (error) => downs.push(`${error.code} ${error.message}`),
    clock,
    random: () => 0.999,
  });
  t.after(() => client.close());
  await until('another node is not the CCM', () => downs.length === 1);
  assert.match(downs[0] as string, /does not name treecast:ccm/);
  proxy.leadTo(Number(new URL(ccm.url).port));
  clock.advance(100);
  await until('it is welcomed', () => received.length === 1);
});
