// A whole fleet on a LAN of namespaces, its agents in segments: the CCM at the first host, node1 at the second, and so on. Waits for what the
// CCM shows of a segment, and keeps when which node was out of the segment's reach, so that the logs can be judged.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventResource, SegmentResource } from '../../src/model/api.ts';
import { until as untilSo } from '../../src/plugins/testing/until.ts';
import { keptSegment } from './kept-segment.ts';
import { createLan, type Lan, type LanHost } from './lan.ts';
import { createFleet, type Fleet, type FleetConfiguration, logOf } from './program-fleet.ts';
import { readSayings, type Sayings, secondLeaders } from './second-leaders.ts';

export interface SegmentFleet {
  readonly fleet: Fleet;
  readonly lan: Lan;
  /** Where the programs have their directories. */
  readonly home: string;
  readonly names: readonly string[];
  indexOf(node: string): number;
  host(node: string): LanHost;
  pid(node: string): number;
  /** The agent's state directory. */
  directory(node: string): string;
  /** Resolves with the segment as soon as it is so; throws with what was seen last. */
  until(
    what: string,
    holds: (segment: SegmentResource) => boolean | Promise<boolean>,
  ): Promise<SegmentResource>;
  /** As `until`: there is an accepted leader, and all others of the fleet, or these, are online in its report and follow it by their own word. */
  settled(nodes?: readonly string[]): Promise<SegmentResource>;
  /** All are where the CCM has put them: under the segment's own id. */
  moved(): Promise<void>;
  kill(node: string): void;
  /** After `kill`: runs again. */
  start(node: string): Promise<void>;
  stop(node: string): void;
  resume(node: string): void;
  cut(node: string): Promise<void>;
  heal(node: string): Promise<void>;
  events(): Promise<EventResource[]>;
  /** By node: whom it followed when, by its own log. */
  sayings(nodes?: readonly string[]): Promise<Sayings>;
  /** How often two were accepted at once, by the CCM's event log and by the logs of these members, who are of one segment. */
  secondLeaders(nodes?: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** Times are Date.now(): as in the logs. */
export interface Absence {
  readonly from: number;
  /** Infinity while it lasts. */
  to: number;
  /** Who comes back knows nothing of what it said. */
  readonly wasKilled: boolean;
}

const untilMs = 60_000;

export async function createSegmentFleet(
  members: number,
  configuration: FleetConfiguration = {},
): Promise<SegmentFleet> {
  const lan = await createLan({ hosts: members + 1 });
  const [ccm, ...hosts] = lan.hosts as [LanHost, ...LanHost[]];
  const home = await mkdtemp(join(tmpdir(), 'treecast-segments-'));
  const tidyUp = async (): Promise<void> => {
    await lan.close();
    await rm(home, { recursive: true, force: true, maxRetries: 20 });
  };
  const fleet = await createFleet(home, ccm, hosts, {
    // Elsewhere each has its server's processors for itself, here all share a few.
    agent: () => ({ niceness: 0 }),
    logLevel: 'info',
    ...configuration,
    logFiles: true,
    relay: true,
  }).catch(async (error: unknown) => {
    await tidyUp();
    throw error;
  });
  const names = hosts.map((_, index) => `node${index + 1}`);
  const absences = new Map<string, Absence[]>(names.map((name) => [name, []]));
  const indexOf = (node: string): number => names.indexOf(node);
  const pid = (node: string): number => fleet.agentPid(indexOf(node));
  const host = (node: string): LanHost => hosts[indexOf(node)] as LanHost;

  function leaves(node: string, wasKilled = false): void {
    absences.get(node)?.push({ from: Date.now(), to: Number.POSITIVE_INFINITY, wasKilled });
  }
  function returns(node: string): void {
    const absence = absences.get(node)?.at(-1);
    if (absence !== undefined) absence.to = Date.now();
  }

  async function until(
    what: string,
    holds: (segment: SegmentResource) => boolean | Promise<boolean>,
  ): Promise<SegmentResource> {
    let segments: readonly SegmentResource[] = [];
    let found: SegmentResource | undefined;
    await untilSo(
      () => `${what}: ${JSON.stringify(segments)}`,
      async () => {
        segments = await fleet.client.segments.list();
        for (const segment of segments) if (await holds(segment)) found ??= segment;
        return found !== undefined;
      },
      untilMs,
    );
    return found as SegmentResource;
  }

  async function events(): Promise<EventResource[]> {
    const found: EventResource[] = [];
    for (;;) {
      const page = await fleet.client.events.list({ after: found.at(-1)?.id ?? 0, limit: 500 });
      if (page.length === 0) return found;
      found.push(...page);
    }
  }

  const sayings = (nodes: readonly string[] = names): Promise<Sayings> =>
    readSayings(new Map(nodes.map((name) => [name, logOf(home, name)])));

  return {
    fleet,
    lan,
    home,
    names,
    indexOf,
    host,
    pid,
    directory: (node) => join(home, node),
    until,
    async settled(nodes = names) {
      const isWhole = ({ leader, report, members }: SegmentResource): boolean =>
        leader !== null &&
        report?.leader === leader.node &&
        members.length === nodes.length &&
        members.every(
          ({ node, state, connected }) =>
            connected && nodes.includes(node) && (state === 'leader' || state === 'online'),
        );
      const segment = await until(`${nodes.join(', ')} are one segment`, isWhole);
      for (const node of nodes) {
        await until(`${node} follows the leader`, async (now) => {
          if (now.id !== segment.id) return false;
          const { election } = await fleet.client.nodes.get(node);
          return election?.leader === now.leader?.node && election?.term === now.leader?.term;
        });
      }
      return until(`${nodes.join(', ')} are one segment`, isWhole);
    },
    async moved() {
      await until('all remember their segment', async ({ id }) =>
        (await Promise.all(names.map((name) => keptSegment(home, name)))).every((kept) => kept === id),
      );
    },
    kill(node) {
      leaves(node, true);
      process.kill(pid(node), 'SIGKILL');
    },
    async start(node) {
      returns(node);
      await fleet.restartAgent(indexOf(node), 'SIGKILL');
    },
    stop(node) {
      leaves(node);
      process.kill(pid(node), 'SIGSTOP');
    },
    resume(node) {
      process.kill(pid(node), 'SIGCONT');
      returns(node);
    },
    async cut(node) {
      leaves(node);
      await host(node).cut();
    },
    async heal(node) {
      await host(node).heal();
      returns(node);
    },
    events,
    sayings,
    secondLeaders: async (nodes) => secondLeaders(await events(), await sayings(nodes), absences),
    async close() {
      // A stopped process ends by no SIGTERM.
      for (const name of names) process.kill(pid(name), 'SIGCONT');
      await fleet.close();
      await tidyUp();
    },
  };
}
