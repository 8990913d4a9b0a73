// The kinds of work that a fleet does, each as the sweep runs it: what is prepared, who is started armed when, and what the asker was told.
// A victim may die at any moment of `run`, which then ends early and throws nothing for that.

import { spawn } from 'node:child_process';
import { chmod, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobResource } from '../../../src/model/api.ts';
import { until } from '../../../src/plugins/testing/until.ts';
import { endOf } from '../processes.ts';
import { runProgram } from '../run-program.ts';
import { configure } from './configure.ts';
import { forgetIndex, forgetNode, forgetRepository, litter } from './preparations.ts';
import type { StrikingFleet, Width } from './striking-fleet.ts';

export const jobTypes = [
  'publish',
  'publish-large',
  'publish-deep',
  'publish-plugins',
  'rollback',
  'abort',
  'restage',
  'mend',
  'fail-plugins',
  'switch-back',
  'synchronize',
  'replicate',
  'replicate-plugins',
  'join',
  'rotate',
  'configure',
  'restart',
  'start',
] as const;
export type JobType = (typeof jobTypes)[number];

/** What whoever asked was told about a tree. */
export interface Told {
  readonly tree: string;
  /** Nodes said to be live, of how many; null when nothing was said. */
  readonly live: readonly [number, number] | null;
  readonly notLive: boolean;
}

export interface JobRun {
  prepare?(fleet: StrikingFleet): Promise<void>;
  run(fleet: StrikingFleet): Promise<Told | null>;
  /** What an operator does afterwards, when all that was killed runs again. */
  recover?(fleet: StrikingFleet): Promise<void>;
  /** Without it the agent cannot run again. */
  readonly recoversFirst?: boolean;
}

const launcher = join(import.meta.dirname, '../../../bin/treecast');

export const jobRuns: Readonly<Record<JobType, JobRun>> = {
  publish: { run: (fleet) => publish(fleet, 'many') },
  'publish-large': { run: (fleet) => publish(fleet, 'large') },
  'publish-deep': { prepare: forgetIndex, run: (fleet) => publish(fleet, 'deep') },
  'publish-plugins': {
    async run(fleet) {
      const told = await publish(fleet, 'many');
      await orGone(fleet, fleet.fleet.client.plugins.retry('sweep'));
      return told;
    },
  },
  rollback: {
    async run(fleet) {
      await startAll(fleet);
      const job = await orGone(fleet, fleet.fleet.client.sites.rollback(fleet.fleet.site));
      return job ? toldOf(await ended(fleet, job)) : null;
    },
  },
  abort: { run: abort },
  restage: { run: restage },
  mend: { run: mend, recover: pushAgain },
  'fail-plugins': { run: publishRefused, recover: makeWilling },
  'switch-back': { run: publishUnwell, recover: makeWell },
  synchronize: {
    async prepare(fleet) {
      await fleet.stopAgent();
      await fleet.change('many');
      await fleet.push();
    },
    run: startThere,
  },
  replicate: { prepare: joinAnew, run: startThere },
  'replicate-plugins': { prepare: joinAnew, run: startThere },
  join: { prepare: forgetNode, run: rejoin, recover: joinAgain, recoversFirst: true },
  rotate: {
    async run(fleet) {
      await startAll(fleet);
      await orGone(fleet, rotate(fleet));
      return null;
    },
    recover: rotate,
  },
  configure: {
    prepare: forgetRepository,
    async run(fleet) {
      await startAll(fleet);
      await orGone(fleet, configure(fleet));
      return null;
    },
    recover: (fleet) => configure(fleet),
  },
  restart: { prepare: dieBehindTheSwitch, run: startThere },
  start: {
    prepare: litter,
    async run(fleet) {
      if (fleet.arms.ccm === undefined) await fleet.restart('ccm');
      return startThere(fleet);
    },
  },
};

async function startAll(fleet: StrikingFleet): Promise<void> {
  await fleet.startArmed('ccm', 'agent');
  await orGone(fleet, fleet.allConnected());
  // What a start passes is no part of the job.
  const file = fleet.arms.ccm?.['TREECAST_FAILPOINT_TRACE'];
  if (file !== undefined) await rm(file, { force: true });
}

/** Armed or not, node 2's agent is started while the CCM runs. */
async function startThere(fleet: StrikingFleet): Promise<null> {
  await fleet.startArmed('ccm');
  if (fleet.arms.agent !== undefined) await fleet.startArmed('agent');
  else await orGone(fleet, fleet.restart('agent'));
  return null;
}

/** Undefined when the victim died first, or the work failed because it had. */
async function orGone<T>(fleet: StrikingFleet, work: Promise<T>): Promise<T | undefined> {
  let isGone = false;
  const gone = fleet.struck.then(() => {
    isGone = true;
    return undefined;
  });
  try {
    return await Promise.race([work, gone]);
  } catch (error) {
    // The asker may notice before its parent does.
    await until('the victim has ended', () => isGone, 5_000).catch(() => {
      throw error;
    });
    return undefined;
  }
}

async function publish(fleet: StrikingFleet, width: Width, starts = true): Promise<Told> {
  if (starts) await startAll(fleet);
  const tree = await fleet.change(width);
  const { stderr } = await fleet.push();
  const live = /live (\d+)\/(\d+)/.exec(stderr);
  return {
    tree,
    live: live ? [Number(live[1]), Number(live[2])] : null,
    notLive: /not published|refused/.test(stderr),
  };
}

async function ended(fleet: StrikingFleet, { id }: JobResource): Promise<JobResource | undefined> {
  let job: JobResource | undefined;
  const done = until(
    `job ${id} has ended`,
    async () => {
      job = await fleet.fleet.client.jobs.get(id);
      return job.endedAt !== null;
    },
    40_000,
  );
  await orGone(fleet, done);
  return job?.endedAt === null ? undefined : job;
}

function toldOf(job: JobResource | undefined): Told | null {
  if (job?.tree == null) return null;
  const live = job.nodes.filter(({ state }) => state === 'live').length;
  return {
    tree: job.tree,
    live: job.phase === 'succeeded' ? [live, job.nodes.length] : null,
    notLive: job.phase === 'failed' || job.phase === 'aborted',
  };
}

/** The first node's agent is held up, so that the job cannot be decided before it is aborted. */
async function abort(fleet: StrikingFleet): Promise<Told | null> {
  await startAll(fleet);
  const { client, site } = fleet.fleet;
  const held = fleet.fleet.agentPid(0);
  const tree = await fleet.change('many');
  process.kill(held, 'SIGSTOP');
  try {
    await fleet.push(['-o', 'nowait']);
    let id: string | undefined;
    const staged = until('node2 has staged', async () => {
      const [job] = await client.jobs.list({ site, limit: 1 });
      id = job?.id;
      return (
        job?.tree === tree && job.nodes.some(({ node, state }) => node === 'node2' && state === 'staged')
      );
    });
    await orGone(fleet, staged);
    const job = await orGone(fleet, id === undefined ? Promise.resolve(undefined) : client.jobs.abort(id));
    return job && job.phase === 'aborted' ? { tree, live: null, notLive: true } : null;
  } finally {
    process.kill(held, 'SIGCONT');
  }
}

/** The tree that node 2 would stage into has a file too many, so it is thrown away and staging is done anew. */
async function restage(fleet: StrikingFleet): Promise<Told> {
  await startAll(fleet);
  const site = join(fleet.nodeDirectories[1] as string, 'sites', fleet.fleet.site);
  await until('there is a tree to stage into', async () => {
    const idle = await idleTree(site);
    if (idle !== undefined) await writeFile(join(site, 'trees', idle, 'pages', 'stray'), 'a');
    return idle !== undefined;
  });
  return publish(fleet, 'many', false);
}

/** A byte of a file that node 2's trees share was changed, in place, and its tree's own mode; the publish is about that file. */
async function mend(fleet: StrikingFleet): Promise<Told> {
  await startAll(fleet);
  const live = join(fleet.nodeDirectories[1] as string, 'sites', fleet.fleet.site, 'live');
  const file = join(live, 'pages/1.txt');
  await fleet.drift(async () => {
    const [{ atime, mtime }, handle] = [await stat(file), await open(file, 'r+')];
    await handle.write('#', 0);
    await handle.utimes(atime, mtime);
    await handle.close();
    await chmod(live, 0o711);
  });
  const told = await publish(fleet, 'many', false);
  // What was found is written down at the end.
  if (fleet.arms.agent !== undefined) await orGone(fleet, fleet.stopAgent());
  return told;
}

async function pushAgain(fleet: StrikingFleet): Promise<void> {
  await fleet.allConnected();
  await fleet.change('many');
  await fleet.push();
}

async function idleTree(site: string): Promise<string | undefined> {
  const { slots, live, backup } = JSON.parse(await readFile(join(site, 'state.json'), 'utf8')) as {
    readonly slots: readonly { readonly slot: number; readonly directory: string }[];
    readonly live: number;
    readonly backup: number;
  };
  return slots.find(({ slot }) => slot !== live && slot !== backup)?.directory;
}

/** The plugin does not let node 2 switch while there is this file. */
const unwilling = ({ nodeDirectories }: StrikingFleet) => join(nodeDirectories[1] as string, 'unwilling');

async function publishRefused(fleet: StrikingFleet): Promise<Told> {
  await writeFile(unwilling(fleet), '');
  return publish(fleet, 'many');
}

async function makeWilling(fleet: StrikingFleet): Promise<void> {
  await rm(unwilling(fleet), { force: true });
}

/** The plugin's probe finds node 2 unwell while there is this file. */
const unwell = ({ nodeDirectories }: StrikingFleet) => join(nodeDirectories[1] as string, 'unwell');

async function publishUnwell(fleet: StrikingFleet): Promise<Told> {
  await writeFile(unwell(fleet), '');
  return publish(fleet, 'many');
}

/** JOB-21: the next decision reaches the node as usual. */
async function makeWell(fleet: StrikingFleet): Promise<void> {
  await rm(unwell(fleet), { force: true });
  await fleet.allConnected();
  await fleet.change('one');
  await fleet.push();
}

/** All keys there are; ends when every node has followed. */
async function rotate({ fleet: { client, site }, ...fleet }: StrikingFleet): Promise<void> {
  // A decision is signed anew when its key is not among the last two any more.
  for (const kind of ['ca', 'release', 'release'] as const) await client.keys.rotate({ kind });
  await client.keys.rotate({ kind: 'content', site });
  const current = async () =>
    (await client.keys.list()).find(({ kind, state }) => kind === 'ca' && state === 'current');
  await until(
    'every node has a certificate of the new CA',
    async () => (await current())?.nodes === 2,
    40_000,
  );
  await fleet.allConnected();
}

async function joinAnew(fleet: StrikingFleet): Promise<void> {
  const { client } = fleet.fleet;
  const configuration = join(fleet.nodeDirectories[1] as string, 'agent.yaml');
  const kept = await readFile(configuration, 'utf8');
  await forgetNode(fleet);
  await client.nodes.remove('node2');
  await runProgram(launcher, joinArguments(fleet, (await client.joinTokens.create()).token));
  await writeFile(configuration, kept);
}

async function dieBehindTheSwitch(fleet: StrikingFleet): Promise<void> {
  fleet.arms = { agent: { TREECAST_FAILPOINT: 'agent.live.moved' } };
  await startAll(fleet);
  await fleet.change('many');
  await fleet.push(['-o', 'nowait']);
  await fleet.struck;
}

function joinArguments({ nodeDirectories }: StrikingFleet, token: string): string[] {
  const directory = nodeDirectories[1] as string;
  return ['agent', 'join', token, '--dir', directory, '--name', 'node2', '--label', 'place=rack', '--json'];
}

/** What the last join of a fleet's second node was given. */
const joinTokens = new WeakMap<StrikingFleet, string>();

/** The machine was set up anew: its former node is removed, and it joins under the same name. */
async function rejoin(fleet: StrikingFleet): Promise<null> {
  const { client } = fleet.fleet;
  joinTokens.delete(fleet);
  await fleet.startArmed('ccm');
  await orGone(fleet, client.nodes.remove('node2'));
  const made = await orGone(fleet, client.joinTokens.create());
  if (made === undefined) return null;
  joinTokens.set(fleet, made.token);
  const env = { ...process.env, ...fleet.arms.agent };
  const joining = spawn(launcher, joinArguments(fleet, made.token), { env, stdio: 'ignore' });
  const end = endOf(joining);
  if (fleet.arms.agent !== undefined) fleet.watchArmed(end);
  await end;
  return null;
}

/** The same command with the same token, as an operator would. */
async function joinAgain(fleet: StrikingFleet): Promise<void> {
  const { client } = fleet.fleet;
  let token = joinTokens.get(fleet);
  if (token === undefined) {
    if ((await client.nodes.list()).some(({ name }) => name === 'node2')) await client.nodes.remove('node2');
    token = (await client.joinTokens.create()).token;
  }
  await runProgram(launcher, joinArguments(fleet, token));
}
