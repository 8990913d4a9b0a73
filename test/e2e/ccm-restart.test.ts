// A CCM that is killed and started again under living agents: what they hold stays, what was pushed is found, jobs go on.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { type Client, createClient } from '../../src/client/client.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../lab/author.ts';
import { run } from './support/fleet.ts';
import { launcher } from './up-process.ts';

const sites = ['alpha', 'beta', 'gamma', 'delta'];
let directory: string;
let author: Author;
let ccm: ChildProcess;
let agent: ChildProcess;
let api: string;
let token: string;

const env = () => ({ ...process.env, TREECAST_CONTEXT: join(directory, 'context.json') });
const treecast = (...args: string[]) => run(launcher, args, { env: env() });
const client = (): Client => createClient({ api, token });
const liveTree = async (site: string) => (await client().sites.status(site)).nodes[0]?.liveTree ?? null;

async function start(args: readonly string[]): Promise<[ChildProcess, Record<string, string>]> {
  const child = spawn(launcher, [...args, '--json'], { stdio: ['ignore', 'pipe', 'ignore'], env: env() });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return [child, JSON.parse(line) as Record<string, string>];
}

async function startCcm(): Promise<void> {
  const [child, ready] = await start(['ccm', 'run', '--dir', join(directory, 'ccm'), '--log-level', 'warn']);
  ccm = child;
  api = ready['api'] ?? '';
}

async function push(site: string, content: string): Promise<string> {
  await author.write('index.html', content);
  const tree = await author.commit();
  const url = new URL(`${api}/git/${site}.git`);
  url.username = 'author';
  url.password = token;
  const { code, stderr } = await author.push(url.href, ['--force']);
  assert.equal(code, 0, stderr);
  return tree;
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'treecast-restart-'));
  author = await createAuthor();
  const init = await treecast('ccm', 'init', '--dir', join(directory, 'ccm'), '--json');
  assert.equal(init.code, 0, init.stderr);
  token = (JSON.parse(init.stdout) as { token: string }).token;
  const configuration = join(directory, 'ccm', 'ccm.yaml');
  // Ports of this test alone, the same after a restart.
  const [publicPort, agentPort] = [20_000 + (process.pid % 20_000), 40_001 + (process.pid % 20_000)];
  const text = (await readFile(configuration, 'utf8'))
    .replace(/^listen:.*$/m, `listen: 127.0.0.1:${publicPort}`)
    .replace(/^agentListen:.*$/m, `agentListen: 127.0.0.1:${agentPort}`);
  await rm(configuration);
  await author.write('ccm.yaml', text);
  const moved = await run('mv', [join(author.directory, 'ccm.yaml'), configuration]);
  assert.equal(moved.code, 0, moved.stderr);
  await startCcm();
  for (const name of sites) await client().sites.create({ name });
  const { token: joinToken } = await client().joinTokens.create();
  const joined = await treecast(
    'agent',
    'join',
    joinToken,
    '--dir',
    join(directory, 'agent'),
    '--name',
    'web1',
  );
  assert.equal(joined.code, 0, joined.stderr);
  [agent] = await start(['agent', 'run', '--dir', join(directory, 'agent')]);
});
after(async () => {
  for (const child of [agent, ccm]) {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await author.remove();
  await rm(directory, { recursive: true, force: true, maxRetries: 20 });
});

test('R4.5 a CCM killed and started again takes nothing away from a node that stays', async () => {
  const trees = new Map<string, string>();
  for (const site of sites) trees.set(site, await push(site, `page of ${site}`));
  for (let round = 0; round < 3; round++) {
    ccm.kill('SIGKILL');
    await once(ccm, 'exit');
    await startCcm();
    await until('web1 is back', async () => (await client().nodes.get('web1')).connected);
    for (const site of sites) {
      assert.equal(await liveTree(site), trees.get(site));
      const page = await readFile(join(directory, 'agent', 'sites', site, 'live', 'index.html'), 'utf8');
      assert.equal(page, `page of ${site}`);
    }
  }
});

test('a branch that moved while no CCM ran is found and published', async () => {
  ccm.kill('SIGTERM');
  await once(ccm, 'exit');
  await author.write('index.html', 'moved behind its back');
  const tree = await author.commit();
  const repository = join(directory, 'ccm', 'repositories', 'alpha.git');
  const fetched = await run('git', [
    '-C',
    repository,
    'fetch',
    '-q',
    author.directory,
    '+HEAD:refs/heads/main',
  ]);
  assert.equal(fetched.code, 0, fetched.stderr);
  await startCcm();
  await until('alpha is published', async () => (await liveTree('alpha')) === tree, 30_000);
  const [job] = await client().jobs.list({ site: 'alpha', limit: 1 });
  assert.equal(job?.requestedBy, 'recovery');
});

test('a CCM killed right after the ref moved and before there is a job: the push is found at start', async () => {
  const hook = join(directory, 'ccm', 'repositories', 'beta.git', 'hooks', 'reference-transaction');
  const script = `#!/bin/sh
[ "$1" = committed ] || exit 0
while read -r before after ref; do [ "$ref" = refs/heads/main ] && kill -9 ${ccm.pid}; done
exit 0
`;
  await author.write('index.html', 'moved, and then the CCM was gone');
  const tree = await author.commit();
  await writeFile(hook, script, { mode: 0o755 });
  const jobs = (await client().jobs.list({ site: 'beta', limit: 100 })).length;
  const url = new URL(`${api}/git/beta.git`);
  url.username = 'author';
  url.password = token;
  const gone = once(ccm, 'exit');
  const pushed = await author.push(url.href, ['--force']);
  assert.notEqual(pushed.code, 0, 'the pusher is not told that it was published');
  await gone;
  await rm(hook);
  await startCcm();
  await until('beta is published', async () => (await liveTree('beta')) === tree, 30_000);
  const [job, ...others] = await client().jobs.list({ site: 'beta', limit: 100 });
  assert.equal(job?.requestedBy, 'recovery');
  assert.equal(others.length, jobs, 'one job, and once');
  assert.equal(await push('beta', 'and the next one goes as usual'), await liveTree('beta'));
});
