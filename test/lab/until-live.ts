// Waits until nodes have a tree live.

import { until } from '../../src/plugins/testing/until.ts';
import type { Fleet } from './program-fleet.ts';

const untilMs = 60_000;

/** By each node's own word, after it has read every byte again; all that are registered by default. */
export async function untilLive(fleet: Fleet, tree: string, nodes?: readonly string[]): Promise<void> {
  let seen = '';
  await until(
    () => `${nodes?.join(', ') ?? 'all'} have ${tree}: ${seen}`,
    async () => {
      const rows = (await fleet.verify()).nodes;
      seen = JSON.stringify(rows);
      const wanted = nodes ?? (await fleet.client.nodes.list()).map(({ name }) => name);
      return wanted.every((node) => rows.some((row) => row.name === node && row.ok && row.tree === tree));
    },
    untilMs,
  );
}
