import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { testNeeding } from 'treecast/plugin/testing';
import { eventually } from '../testing/eventually.ts';
import { get } from '../testing/get.ts';
import { haproxyScene as scene } from '../testing/haproxy-scene.ts';

const needs = ['haproxy'];

for (const kind of ['close', 'keep-alive'] as const)
  testNeeding(needs, `X8 no request fails while nodes are drained and put back (connection: ${kind})`, () =>
    scene(
      { haproxy: { serverOptions: 'check inter 100ms', backendLines: ['option httpchk GET /health'] } },
      async ({ haproxy, origins, plugin }) => {
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
          const origin = origins[round % 2 === 0 ? 0 : 1];
          await plugin.drain([origin.name]);
          // A request that is sent there now fails.
          origin.setAway(true);
          const until = statuses.length + 20;
          await eventually('requests went on', () => statuses.length >= until);
          origin.setAway(false);
          await plugin.restore([origin.name]);
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
