// Commands of a site's policy, end to end: a push installs a program and writes a configuration on the node, a rollback brings the former ones
// back, and what the node's operator does not allow is told to the pusher.

import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../lab/author.ts';
import { loopbackPlaces } from '../lab/places.ts';
import { createFleet, type Fleet } from '../lab/program-fleet.ts';
import { repositoryRoot } from '../run/repository-root.ts';

let root: string;
let fleet: Fleet;
let author: Author;

const at = (...names: string[]): string => join(root, ...names);
const read = (...names: string[]): Promise<string> => readFile(at(...names), 'utf8').catch(() => 'nothing');
const script = (words: string): string => `#!/bin/sh\necho ${words}\n`;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'treecast-commands-'));
  for (const name of ['bin', 'etc']) await mkdir(at(name));
  // A service that writes down its calls, and hangs while there is a file that says so; one that is told what is live.
  await writeFile(
    at('service'),
    `#!/bin/sh\necho "$@" >> ${root}/calls\nif test -e ${root}/hang; then echo $$ > ${root}/hung; exec tail -f /dev/null; fi\n`,
  );
  await writeFile(at('listen'), `#!/bin/sh\ncat >> ${root}/told\n`);
  await writeFile(at('judge'), '#!/bin/sh\nif grep -q broken "$1"; then echo "line 1: broken"; exit 1; fi\n');
  for (const name of ['service', 'listen', 'judge']) await chmod(at(name), 0o755);
  const service = (...args: string[]) => ({ program: at('service'), args });
  const plugins: { use: string; config: Record<string, unknown> }[] = [
    {
      use: 'program',
      config: {
        allow: [at('bin', '*')],
        units: ['render'],
        restart: service('restart', '{unit}'),
        verify: { ...service('is-active', '{unit}'), steadySeconds: 0 },
      },
    },
    {
      use: 'config-file',
      config: {
        allow: [at('etc', '*.conf')],
        validators: { judge: { program: at('judge') } },
        reloads: { app: service('reload') },
      },
    },
  ];
  const minimal = join(repositoryRoot, 'examples/plugin-minimal/plugin.ts');
  plugins.push({ use: minimal, config: { tell: [at('listen')] } });
  const commands = [
    {
      name: 'program.install',
      parameters: { from: 'bin/render', to: at('bin', 'render'), restart: 'render' },
    },
    {
      name: 'config-file.write',
      parameters: { from: 'etc/app.conf', to: at('etc', 'app.conf'), validate: 'judge', reload: 'app' },
    },
  ];
  const [here] = loopbackPlaces(1);
  assert.ok(here !== undefined);
  [fleet, author] = await Promise.all([
    createFleet(at('fleet'), here, [here], { agent: () => ({ plugins }), policy: { commands } }),
    createAuthor(),
  ]);
});
after(async () => {
  await fleet.close();
  await author.remove();
  await rm(root, { recursive: true, force: true, maxRetries: 20 });
});

async function publish(words: string, configuration: string): Promise<string> {
  await author.write('bin/render', script(words));
  await author.write('etc/app.conf', `${configuration}\n`);
  await author.commit(words);
  return (await author.push(fleet.remote)).stderr;
}

test('R2.5 a push installs the program, writes the configuration, and restarts what changed', async () => {
  assert.match(await publish('one', 'color blue'), /live 1\/1/);
  assert.equal(await read('bin', 'render'), script('one'));
  assert.equal((await stat(at('bin', 'render'))).mode & 0o777, 0o755);
  assert.equal(await read('etc', 'app.conf'), 'color blue\n');
  assert.equal(await read('calls'), 'restart render\nis-active render\nreload\n');
  assert.match(await publish('one', 'color red'), /live 1\/1/);
  assert.equal(await read('calls'), 'restart render\nis-active render\nreload\nreload\n');
});

test('R2.5 a rollback brings the former program and configuration back', async () => {
  assert.match(await publish('two', 'color green'), /live 1\/1/);
  assert.equal(await read('bin', 'render'), script('two'));
  const { id } = await fleet.client.sites.rollback(fleet.site);
  await until('it is done', async () => (await fleet.client.jobs.get(id)).phase === 'succeeded');
  assert.equal(await read('etc', 'app.conf'), 'color red\n');
  assert.equal(await read('bin', 'render'), script('one'));
});

test('N52 what the node refuses is told to the pusher, and nothing was changed', async () => {
  const calls = await read('calls');
  const told = await publish('three', 'broken');
  assert.match(told, /etc\/app\.conf is refused by judge.*line 1: broken/s);
  assert.equal(await read('bin', 'render'), script('one'));
  assert.equal(await read('etc', 'app.conf'), 'color red\n');
  assert.equal(await read('calls'), calls);
});

test('N52 an agent killed while the unit restarts does the rest at its next start', async () => {
  const calls = await read('calls');
  await writeFile(at('hang'), '');
  const pushing = publish('four', 'color red');
  await until('the restart hangs', async () => (await read('hung')) !== 'nothing');
  assert.equal(await read('bin', 'render'), script('four'));
  await rm(at('hang'));
  await fleet.restartAgent(0, 'SIGKILL');
  process.kill(Number(await read('hung')), 'SIGKILL');
  await pushing;
  const tree = await author.tree();
  await until('the node says so', async () => {
    const [node] = (await fleet.client.sites.status(fleet.site)).nodes;
    return node?.liveTree === tree && node.phase === 'live';
  });
  assert.equal(await read('bin', 'render'), script('four'));
  const once = 'restart render\nis-active render\n';
  assert.equal(await read('calls'), `${calls}restart render\n${once}`);
});

test('examples/plugin-minimal, named by its path, was told each live tree once', async () => {
  const told = (await read('told')).trim().split('\n');
  const trees = told.map((line) => (JSON.parse(line) as { tree: string }).tree);
  assert.equal(trees.at(-1), await author.tree());
  for (const [index, tree] of trees.entries()) assert.notEqual(tree, trees[index - 1]);
  assert.equal(trees.length, 5);
});
