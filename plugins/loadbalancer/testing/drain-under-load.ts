// X8: while clients ask without a pause, nodes are drained, away (a request that is sent there now fails), and put back, in turns.

import assert from 'node:assert/strict';
import type { Agent } from 'node:http';
import { askHttp, until } from 'treecast/plugin/testing';
import type { Origin } from './origin.ts';
import type { StartedPlugin } from './start-plugin.ts';

export async function assertNoRequestFails(options: {
  readonly port: number;
  readonly origins: readonly [Origin, Origin];
  readonly plugin: StartedPlugin;
  readonly clients: number;
  readonly rounds: number;
  /** Without one each request has a connection of its own. */
  readonly agent?: Agent | undefined;
}): Promise<void> {
  const { port, origins, plugin, agent } = options;
  let running = true;
  const statuses: number[] = [];
  const client = async (): Promise<void> => {
    while (running) statuses.push((await askHttp(port, '/', agent && { agent })).status);
  };
  const clients = Array.from({ length: options.clients }, client);
  for (let round = 0; round < options.rounds || statuses.length < 500; round++) {
    const origin = origins[round % 2 === 0 ? 0 : 1];
    await plugin.drain([origin.name]);
    origin.setAway(true);
    const enough = statuses.length + 20;
    await until('requests went on', () => statuses.length >= enough);
    origin.setAway(false);
    await plugin.restore([origin.name]);
  }
  running = false;
  await Promise.all(clients);
  assert.ok(statuses.length >= 500, `${statuses.length} requests`);
  assert.deepEqual(
    statuses.filter((status) => status !== 200),
    [],
  );
}
