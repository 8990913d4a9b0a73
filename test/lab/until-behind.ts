// Waits until nodes of one segment are behind its leader.

import { until } from '../../src/plugins/testing/until.ts';
import type { Fleet } from './program-fleet.ts';

const untilMs = 60_000;

export interface Behind {
  /** All of the fleet by default. */
  readonly nodes?: readonly string[];
  /** Who is to lead them; whoever it is by default. */
  readonly leader?: string | undefined;
}

/** Resolves with the leader once it is accepted and has a link of its own, and all others are behind it. A segment of one is led by that one. */
export async function untilBehind(
  { client }: Fleet,
  { nodes, leader: wanted }: Behind = {},
): Promise<string> {
  let leader: string | undefined;
  let seen = '';
  await until(
    () => `${nodes?.join(', ') ?? 'all'} are behind ${wanted ?? 'their leader'}: ${seen}`,
    async () => {
      const found = (await client.nodes.list()).filter(({ name }) => nodes?.includes(name) ?? true);
      const accepted = (await client.segments.list()).flatMap(({ leader: its }) => its?.node ?? []);
      const leaders = new Set(found.flatMap(({ behind }) => behind?.leader ?? []));
      const isAlone = found.length === 1;
      seen = JSON.stringify([
        accepted,
        found.map(({ name, connected, behind }) => [name, connected, behind?.leader]),
      ]);
      leader = isAlone ? found[0]?.name : [...leaders][0];
      return (
        leaders.size === (isAlone ? 0 : 1) &&
        (wanted === undefined || leader === wanted) &&
        accepted.includes(leader as string) &&
        found.every(({ name, connected, behind }) => connected && (behind === null) === (name === leader))
      );
    },
    untilMs,
  );
  return leader as string;
}
