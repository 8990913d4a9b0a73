// One case of the sweep: the victim dies at a failpoint while a job is done, is started again, and everything a crash might have broken
// is looked at. Also the run without a death, which tells which failpoints a job passes at all.

import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../../src/plugins/testing/until.ts';
import { leftoversOnCcm } from './ccm-on-disk.ts';
import { type JobType, jobRuns, type Told } from './job-types.ts';
import { leftoversOnNode, liveTreeOnDisk } from './node-on-disk.ts';
import type { StrikingFleet, Victim } from './striking-fleet.ts';

const deathMs = 60_000;

export function victimOf(failpoint: string): Victim {
  return failpoint.startsWith('ccm.') ? 'ccm' : 'agent';
}

/** Throws what is wrong. */
export async function strike(fleet: StrikingFleet, type: JobType, failpoint: string): Promise<void> {
  const { prepare, run } = jobRuns[type];
  const victim = victimOf(failpoint);
  await prepare?.(fleet);
  fleet.arms = { [victim]: { TREECAST_FAILPOINT: failpoint } };
  const running = run(fleet).then((told) => check(fleet, told));
  // A failure is awaited below; until then it must not count as unhandled.
  running.catch(() => undefined);
  const { code, signal } = await inTime(fleet.struck, `${victim} dies at ${failpoint}`);
  assert.deepEqual({ code, signal }, { code: null, signal: 'SIGKILL' });
  await oneWholeTree(fleet);
  fleet.arms = {};
  await reviveAll(fleet, type);
  await running;
  await recovered(fleet);
}

/** Does the job with nobody dying; the names that were passed. */
export async function trace(
  fleet: StrikingFleet,
  type: JobType,
  wanted: readonly string[],
): Promise<Set<string>> {
  const { prepare, run } = jobRuns[type];
  const file = join(fleet.author.directory, '.git', 'trace');
  const passed = async () =>
    new Set((await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean));
  await prepare?.(fleet);
  const env = { TREECAST_FAILPOINT_TRACE: file };
  fleet.arms = { ccm: env, agent: env };
  await check(fleet, await run(fleet));
  await reviveAll(fleet, type);
  await settled(fleet);
  await until('all that is expected was passed', async () => isSubset(wanted, await passed()), 60_000).catch(
    () => undefined,
  );
  const names = await passed();
  await rm(file, { force: true });
  fleet.arms = {};
  await fleet.restart('ccm');
  await fleet.restart('agent');
  await recovered(fleet);
  return names;
}

/** Whatever does not run is started, and what an operator would do is done. */
async function reviveAll(fleet: StrikingFleet, type: JobType): Promise<void> {
  const { recover, recoversFirst = false } = jobRuns[type];
  await fleet.revive('ccm');
  if (recoversFirst) await recover?.(fleet);
  await fleet.revive('agent');
  if (!recoversFirst) await recover?.(fleet);
}

function isSubset(some: readonly string[], all: ReadonlySet<string>): boolean {
  return some.every((name) => all.has(name));
}

/** What was told of a tree when it was told is so on disk. */
async function check(fleet: StrikingFleet, told: Told | null): Promise<void> {
  if (told === null) return;
  const trees = await liveTrees(fleet);
  const live = trees.filter((tree) => tree === told.tree).length;
  if (told.live !== null) {
    assert.ok(live >= told.live[0], `told live ${told.live.join('/')}, but it is live on ${live}`);
  }
  if (told.notLive)
    assert.equal(live, 0, `told that ${told.tree} was not published, but it is live on ${live}`);
}

function liveTrees({ nodeDirectories, fleet, author }: StrikingFleet): Promise<(string | null)[]> {
  return Promise.all(
    nodeDirectories.map((directory) =>
      liveTreeOnDisk(join(directory, 'sites', fleet.site), author.directory),
    ),
  );
}

/** In the moment of death too: each node has nothing, or a tree of some commit, whole. */
async function oneWholeTree(fleet: StrikingFleet): Promise<void> {
  const trees = await liveTrees(fleet);
  // A change by somebody that was seen has begun by now.
  await fleet.drifted();
  for (const tree of trees) {
    assert.ok(
      tree === null || fleet.trees.has(tree),
      `a node serves the tree ${tree}, which is of no commit`,
    );
  }
}

/** Every job has ended, and every node serves what the CCM says is live. */
async function settled(fleet: StrikingFleet): Promise<void> {
  const { client, site } = fleet.fleet;
  await fleet.allConnected();
  const open = async () => (await client.jobs.list({ site })).filter(({ endedAt }) => endedAt === null);
  await until('no job is open', async () => (await open()).length === 0, 40_000);
  let what = '';
  await until(
    () => `every node serves what is live: ${what}`,
    async () => {
      const status = await client.sites.status(site);
      what = JSON.stringify(status.nodes);
      return status.nodes.length === 2 && status.nodes.every(({ liveTree }) => liveTree === status.tree);
    },
    60_000,
  );
  const { tree } = await client.sites.status(site);
  assert.deepEqual(await liveTrees(fleet), [tree, tree]);
}

/** As if nothing had been: also the next push goes live everywhere, every byte is right, and no disk is kept. */
async function recovered(fleet: StrikingFleet): Promise<void> {
  await settled(fleet);
  const next = await fleet.change('one');
  const { stderr } = await fleet.push();
  assert.match(stderr, /live 2\/2/, `the next push: ${stderr}`);
  assert.deepEqual(await liveTrees(fleet), [next, next]);
  const { nodes } = await fleet.fleet.verify();
  assert.deepEqual(
    nodes.map(({ ok, tree }) => ({ ok, tree })),
    nodes.map(() => ({ ok: true, tree: next })),
    JSON.stringify(nodes),
  );
  let left: string[] = [];
  await until(
    () => `nothing is left on a disk: ${left.join(', ')}`,
    async () => {
      const lists = [
        leftoversOnCcm(fleet.ccmDirectory),
        ...fleet.nodeDirectories.map((directory) => leftoversOnNode(directory, fleet.fleet.site)),
      ];
      left = (await Promise.all(lists)).flat();
      return left.length === 0;
    },
  );
}

async function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`waited in vain until ${what}`)), deathMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
