// A whole fleet on a WAN of namespaces: the CCM alone at the first site, and a segment at each other one, all its nodes behind its leader.

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TreeAssignmentResource } from '../../src/model/tree-resource.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { keptSegment } from './kept-segment.ts';
import type { LanHost } from './lan.ts';
import { createFleet, type Fleet, type FleetConfiguration } from './program-fleet.ts';
import { untilBehind } from './until-behind.ts';
import { createWan, type WanSite } from './wan.ts';

export interface WanFleet {
  readonly fleet: Fleet;
  /** Where the programs have their directories, each of its name. */
  readonly home: string;
  readonly ccm: LanHost;
  readonly ccmSite: WanSite;
  readonly segments: readonly WanSegment[];
  /** All nodes: node1 and so on, segment by segment. */
  readonly names: readonly string[];
  indexOf(node: string): number;
  host(node: string): LanHost;
  /** Resolves with the leaders, one a segment, when every other node is behind its own. */
  allBehind(): Promise<string[]>;
  /** How the publish of this tree goes from leader to leader, as the CCM shows it now: where all had the same tree before. */
  treeOf(tree: string): Promise<TreeAssignmentResource | undefined>;
  /** What lies in its relay store of an assignment. */
  relayBytes(node: string, assignment: string): Promise<number>;
  close(): Promise<void>;
}

export interface WanSegment {
  readonly name: string;
  readonly nodes: readonly string[];
  readonly site: WanSite;
}

const untilMs = 60_000;

/** A segment for each number, with so many nodes. */
export async function createWanFleet(
  nodesOfSegments: readonly number[],
  configuration: FleetConfiguration = {},
): Promise<WanFleet> {
  const home = await mkdtemp(join(tmpdir(), 'treecast-wan-'));
  const wan = await createWan([1, ...nodesOfSegments]);
  const [ccmSite, ...sites] = wan.sites as [WanSite, ...WanSite[]];
  const ccm = ccmSite.hosts[0] as LanHost;
  const hosts = sites.flatMap((site) => site.hosts);
  const names = hosts.map((_, index) => `node${index + 1}`);
  const segments = sites.map((site, index) => ({
    name: `segment${index + 1}`,
    nodes: site.hosts.map((host) => names[hosts.indexOf(host)] as string),
    site,
  }));
  const indexOf = (node: string): number => names.indexOf(node);
  const tidyUp = async (): Promise<void> => {
    await wan.close();
    await rm(home, { recursive: true, force: true, maxRetries: 20 });
  };
  const fleet = await createFleet(home, ccm, hosts, {
    // Elsewhere each has its server's processors for itself, here all share a few.
    agent: () => ({ niceness: 0 }),
    ...configuration,
    segment: (index) => segments.find(({ nodes }) => nodes.includes(names[index] as string))?.name as string,
    relay: true,
  }).catch(async (error: unknown) => {
    await tidyUp();
    throw error;
  });
  return {
    fleet,
    home,
    ccm,
    ccmSite,
    segments,
    names,
    indexOf,
    host: (node) => hosts[indexOf(node)] as LanHost,
    async allBehind() {
      await until(
        'all are in the segments that their tokens name',
        async () => {
          const listed = await fleet.client.segments.list();
          const idOf = new Map(listed.map(({ name, id }) => [name, id]));
          const kept = segments.flatMap(({ name, nodes }) =>
            nodes.map(async (node) => (await keptSegment(home, node)) === idOf.get(name)),
          );
          return (await Promise.all(kept)).every(Boolean);
        },
        untilMs,
      );
      const leaders: string[] = [];
      for (const { nodes } of segments) leaders.push(await untilBehind(fleet, { nodes }));
      return leaders;
    },
    async treeOf(tree) {
      const { job } = await fleet.client.sites.status(fleet.site);
      return job?.tree === tree ? (await fleet.client.trees.get(job.id)).assignments[0] : undefined;
    },
    async relayBytes(node, assignment) {
      const found = await stat(join(home, node, 'relay', `${assignment}.data`)).catch(() => undefined);
      return (found?.blocks ?? 0) * 512;
    },
    async close() {
      await fleet.close();
      await tidyUp();
    },
  };
}
