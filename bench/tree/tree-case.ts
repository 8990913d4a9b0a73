// One fleet of leaders, each alone at its site, to which releases of one incompressible file are pushed; and what each push took.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobResource } from '../../src/model/api.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../../test/lab/author.ts';
import type { Traffic } from '../../test/lab/lan.ts';
import { createWanFleet, type WanFleet } from '../../test/lab/wan-fleet.ts';
import { incompressible } from '../generated-repository.ts';
import { type MachineLoad, watchMachine } from './machine-load.ts';
import { sharePriority } from './share-priority.ts';

const untilMs = 120_000;

export const topologies = ['tree', 'star'] as const;
export type Topology = (typeof topologies)[number];

export interface TreeCase {
  readonly wan: WanFleet;
  /**
   * Pushes so many bytes that nobody has yet. `meanwhile` runs beside it and may resolve with a node that is not waited for any more; resolves when the
   * push is over and all others hold it.
   */
  publish(bytes: number, meanwhile?: (tree: string) => Promise<string>): Promise<Published>;
  close(): Promise<void>;
}

/** Times are Date.now(), which all programs of this machine share. */
export interface Published {
  /** The CCM has the assignment and tells the leaders of it. */
  readonly toldAt: number;
  readonly stagedAt: ReadonlyMap<string, number>;
  /** By those that go by the tree: when they said that they hold all. Empty of a star. */
  readonly heldAt: ReadonlyMap<string, number>;
  readonly ccmSent: number;
  readonly received: ReadonlyMap<string, number>;
  readonly load: MachineLoad;
}

export async function createTreeCase(leaders: number, topology: Topology, rate: string): Promise<TreeCase> {
  const author = await createAuthor();
  await author.git('config', 'core.compression', '0');
  const wan = await createWanFleet(
    Array.from({ length: leaders }, () => 1),
    {
      ccm: { tree: topology === 'star' ? 'off' : 'on' },
      logLevel: 'info',
      logFiles: true,
    },
  ).catch(async (error: unknown) => {
    await author.remove();
    throw error;
  });
  let published = 0;
  const publish: TreeCase['publish'] = async (bytes, meanwhile) => {
    published += 1;
    return publishOnce(wan, author, published, bytes, meanwhile);
  };
  const close = async (): Promise<void> => {
    await wan.close();
    await author.remove();
  };
  try {
    for (const { site } of wan.segments) await site.rate(rate);
    await wan.ccmSite.rate(rate);
    await wan.allBehind();
    sharePriority(pidsOf(wan));
    // The first release of a site is not like later ones.
    await publish(1_000_000);
    return { wan, publish, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function publishOnce(
  wan: WanFleet,
  author: Author,
  number: number,
  bytes: number,
  meanwhile?: (tree: string) => Promise<string>,
): Promise<Published> {
  const { fleet, names } = wan;
  await author.write('large.bin', Buffer.concat([...incompressible(bytes, number)]));
  const tree = await author.commit();
  const before = await traffic(wan);
  const load = watchMachine(pidsOf(wan));
  try {
    const pushing = author.push(fleet.remote);
    const dead = await meanwhile?.(tree);
    const pushed = await pushing;
    if (pushed.code !== 0) throw new Error(`git push: ${pushed.stderr}`);
    const isHeld = async (): Promise<boolean> =>
      (await wan.treeOf(tree))?.leaders.every(({ node, state }) => node === dead || state === 'held') ?? true;
    await until('all others hold it', isHeld, untilMs);
  } finally {
    load.end();
  }
  const { job } = await fleet.client.sites.status(fleet.site);
  if (job?.tree !== tree) throw new Error('the newest job of the site is not that of the push');
  const leaders = (await wan.treeOf(tree))?.leaders ?? [];
  const after = await traffic(wan);
  return {
    toldAt: await toldAt(wan, job, bytes),
    stagedAt: times(job.nodes.map(({ node, stagedAt }) => [node, stagedAt])),
    heldAt: times(leaders.map(({ node, heldAt }) => [node, heldAt])),
    ccmSent: of(after, 'ccm').sent - of(before, 'ccm').sent,
    received: new Map(names.map((node) => [node, of(after, node).received - of(before, node).received])),
    load,
  };
}

/** The CCM writes the manifest just before it tells the first node; what is small enough for a message it writes nowhere. */
async function toldAt({ home }: WanFleet, job: JobResource, bytes: number): Promise<number> {
  const started = Date.parse(job.startedAt ?? '');
  const assignments = join(home, 'ccm', 'assignments');
  const written = await Promise.all(
    (await readdir(assignments))
      .filter((name) => name.endsWith('.manifest'))
      .map(async (name) => (await stat(join(assignments, name))).mtimeMs),
  );
  const last = Math.max(0, ...written);
  if (last >= started) return last;
  if (bytes > 65_536) throw new Error('the CCM has written no assignment');
  return started;
}

function pidsOf({ fleet, names }: WanFleet): number[] {
  return [fleet.ccmPid(), ...names.map((_, index) => fleet.agentPid(index))];
}

type TrafficOf = ReadonlyMap<string, Traffic>;

async function traffic({ ccm, names, host }: WanFleet): Promise<TrafficOf> {
  const all = [['ccm', ccm] as const, ...names.map((node) => [node, host(node)] as const)];
  return new Map(await Promise.all(all.map(async ([name, at]) => [name, await at.traffic()] as const)));
}

const of = (traffic: TrafficOf, name: string): Traffic => traffic.get(name) as Traffic;

function times(said: readonly (readonly [string, string | null])[]): Map<string, number> {
  return new Map(said.flatMap(([node, at]) => (at === null ? [] : [[node, Date.parse(at)]])));
}

/** Of a star, whose nodes say nothing before they have staged it: until then. */
export function lastHeldAt({ heldAt, stagedAt }: Published): number {
  return Math.max(...(heldAt.size === 0 ? stagedAt : heldAt).values());
}
