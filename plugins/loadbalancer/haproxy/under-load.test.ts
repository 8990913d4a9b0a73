import { Agent } from 'node:http';
import { testNeeding } from 'treecast/plugin/testing';
import { assertNoRequestFails } from '../testing/drain-under-load.ts';
import { haproxyScene as scene } from '../testing/haproxy-scene.ts';

const needs = ['haproxy'];

for (const kind of ['close', 'keep-alive'] as const)
  testNeeding(needs, `X8 no request fails while nodes are drained and put back (connection: ${kind})`, () =>
    scene(
      { haproxy: { serverOptions: 'check inter 100ms', backendLines: ['option httpchk GET /health'] } },
      async ({ haproxy, origins, plugin }) => {
        const agent = kind === 'keep-alive' ? new Agent({ keepAlive: true, maxSockets: 8 }) : undefined;
        await assertNoRequestFails({ port: haproxy.port, origins, plugin, agent, clients: 6, rounds: 6 });
        agent?.destroy();
      },
    ),
  );
