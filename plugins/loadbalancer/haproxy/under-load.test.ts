import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { testNeeding } from 'treecast/plugin/testing';
import { get } from '../testing/get.ts';
import { haproxyScene as scene } from '../testing/haproxy-scene.ts';

const needs = ['haproxy'];

for (const kind of ['close', 'keep-alive'] as const)
  testNeeding(needs, `X8 no request fails while nodes are drained and put back (connection: ${kind})`, () =>
    scene(
      { haproxy: { serverOptions: 'check inter 100ms', backendLines: ['option httpchk GET /health'] } },
      async ({ haproxy, plugin }) => {
        const agent = kind === 'keep-alive' ? new Agent({ keepAlive: true, maxSockets: 8 }) : undefined;
        let running = true;
        const statuses: number[] = [];
        const client = async (): Promise<void> => {
          while (running) {
            const { status } = await get(haproxy.port, '/', agent);
            statuses.push(status);
          }
        };
        const clients = Array.from({ length: 6 }, client);
        for (let round = 0; round < 6 || statuses.length < 500; round++) {
          const node = round % 2 === 0 ? 'web1' : 'web2';
          await plugin.drain([node]);
          await plugin.restore([node]);
        }
        running = false;
        await Promise.all(clients);
        agent?.destroy();
        assert.ok(statuses.length >= 500, `${statuses.length} requests`);
        assert.deepEqual(
          statuses.filter((status) => status !== 200),
          [],
        );
      },
    ),
  );
