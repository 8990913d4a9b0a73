// N21: a site whose files belong to somebody else than the agents' users, with real agents as the shipped drop-in runs them: a publish,
// a changed policy, files that somebody gives away; and a server that has not the rights, which fails the release and says what to do.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { createProcesses, lineFrom } from '../lab/processes.ts';
import { spawnSandboxed } from '../lab/sandbox.ts';
import { createSeparateFleet } from './support/separate-fleet.ts';

const agentUser = 61_902;
const [first, second] = [61_903, 61_905] as const;
const repository = join(import.meta.dirname, '../..');
const shipped = fs.readFileSync(join(repository, 'share/systemd/treecast-agent-owner.conf'), 'utf8');
/** As the drop-in names them: `CAP_CHOWN` is `chown` to setpriv. */
const capabilities = (/^AmbientCapabilities=(.*)$/m.exec(shipped)?.[1] ?? '')
  .split(' ')
  .map((name) => name.replace(/^CAP_/, '').toLowerCase());

function ownersBelow(directory: string): string[] {
  const names = ['.', ...(fs.readdirSync(directory, { recursive: true }) as string[])];
  return [
    ...new Set(
      names.map((name) => fs.lstatSync(join(directory, name))).map(({ uid, gid }) => `${uid}:${gid}`),
    ),
  ];
}

testNeeding(
  ['root', 'unshare', 'setpriv'],
  'N21 STG-39 STG-40 owner and group by policy: published, changed, given away and put right; refused where the rights are missing',
  async (t) => {
    // Not in /tmp, which is another one in the sandbox.
    const base = await mkdtemp('/var/tmp/treecast-owners-');
    fs.chmodSync(base, 0o755);
    process.env['TMPDIR'] = base;
    const processes = createProcesses();
    const fleet = await createSeparateFleet();
    t.after(async () => {
      await processes.end();
      await fleet.close();
      await rm(base, { recursive: true, force: true, maxRetries: 20 });
    });
    const home = fleet.directory;
    fs.chmodSync(home, 0o755);
    const program = { from: repository, at: join(base, 'program') };
    fs.mkdirSync(program.at);
    await fleet.ccm.start();
    const client = fleet.client();

    async function startAgent(name: string, own: readonly string[]): Promise<void> {
      await fleet.join(name);
      const writable = join(home, name);
      await writeFile(join(writable, 'agent.yaml'), JSON.stringify({ scrub: { everySeconds: 1 } }));
      for (const path of ['.', ...(fs.readdirSync(writable, { recursive: true }) as string[])])
        fs.lchownSync(join(writable, path), agentUser, agentUser);
      const parameters = ['agent', 'run', '--dir', writable, '--log-level', 'error', '--json'];
      const sandbox = { uid: agentUser, capabilities: own, writable, program };
      const child = processes.add(spawnSandboxed(sandbox, parameters, {}));
      await lineFrom(child, (line) => line.startsWith('{"ready":true'));
    }
    await startAgent('web1', capabilities);
    await fleet.untilConnected('web1');
    const trees = join(home, 'web1/sites/docs/trees');
    const live = join(home, 'web1/sites/docs/live');
    const isVerified = async () => (await client.sites.verify('docs')).nodes.every(({ ok }) => ok);
    const ownersInTrees = () =>
      [
        ...new Set(
          fs
            .readdirSync(trees)
            .filter((name) => !name.startsWith('.'))
            .flatMap((name) => ownersBelow(join(trees, name))),
        ),
      ].sort();

    const policy = { owner: String(first), group: String(first), fileMode: '640', directoryMode: '750' };
    await client.sites.create({ name: 'docs', policy });
    await fleet.author.write('deep/er/page.html', 'below');
    await fleet.author.write('tool', '#!/bin/sh\n');
    fs.symlinkSync('deep/er/page.html', join(fleet.author.directory, 'link'));
    assert.match((await fleet.push('docs', 'one')).stderr, /live 1\/1/);
    await fleet.author.write('new/page.html', 'new');
    assert.match((await fleet.push('docs', 'two')).stderr, /live 1\/1/);
    assert.match((await fleet.push('docs', 'three')).stderr, /live 1\/1/);
    assert.deepEqual(ownersInTrees(), [`${first}:${first}`]);
    assert.ok(await isVerified());

    await client.sites.update('docs', { policy: { owner: String(second), group: null } });
    await until(
      'the new owner has everything',
      async () =>
        ownersBelow(fs.realpathSync(live)).join() === `${second}:${agentUser}` && (await isVerified()),
      30_000,
    );
    assert.match((await fleet.push('docs', 'four')).stderr, /live 1\/1/);
    assert.ok(await isVerified());

    const changed = ['index.html', 'deep', 'link'];
    for (const name of changed) fs.lchownSync(join(fs.realpathSync(live), name), 0, 0);
    const told = async (kind: string) =>
      (await client.events.list({ limit: 1_000 }))
        .filter((event) => event.kind === kind)
        .flatMap(({ data }) => (data as { paths: { path: string; problem: string }[] }).paths)
        .filter(({ problem }) => problem === 'owner')
        .map(({ path }) => path);
    const isToldAgain = async (kind: string) => {
      const paths = await told(kind);
      return changed.every((name) => paths.filter((path) => path === name).length > 1);
    };
    await until(
      'they are found again, and put right',
      async () => (await isToldAgain('node.drifted')) && (await isToldAgain('node.mended')),
      30_000,
    );
    for (const name of changed) assert.equal(fs.lstatSync(join(live, name)).uid, second, name);
    assert.ok(await isVerified());

    await startAgent('web2', []);
    await fleet.untilConnected('web2');
    const refused = await fleet.push('docs', 'five');
    assert.match(refused.stderr, /web2[^\n]*OWNER_UNAVAILABLE/);
    assert.match(refused.stderr, /share\/systemd\/treecast-agent-owner\.conf/);
    assert.equal(await fleet.page('web1', 'docs'), 'four', 'nothing was switched anywhere');
    assert.equal(fs.existsSync(join(home, 'web2/sites/docs/live')), false);
    await client.sites.update('docs', { policy: { owner: null } });
    assert.match((await fleet.push('docs', 'six')).stderr, /live 2\/2/);
  },
);
