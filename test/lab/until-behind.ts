// Waits until a fleet's nodes are behind the leader of their one segment.

import type { NodeResource } from '../../src/model/api.ts';
import { until } from '../../src/plugins/testing/until.ts';
import type { Fleet } from './program-fleet.ts';

const untilMs = 45_000;

/** All registered nodes but one are behind that one, which has its own link. */
export async function untilBehind({ client }: Fleet): Promise<string> {
  let found: readonly NodeResource[] = [];
  let leaders: (string | undefined)[] = [];
  await until(
    () => JSON.stringify(found.map(({ name, connected, behind }) => ({ name, connected, behind }))),
    async () => {
      found = await client.nodes.list();
      leaders = [...new Set(found.flatMap(({ behind }) => behind?.leader ?? []))];
      const isPlaced = ({ name, connected, behind }: NodeResource) =>
        connected && (behind === null ? name === leaders[0] : behind.leader === leaders[0]);
      return leaders.length === 1 && found.every(isPlaced);
    },
    untilMs,
  );
  return leaders[0] as string;
}
