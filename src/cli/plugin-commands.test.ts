// Commands around plugins that need no CCM.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadPlugin } from '../plugins/host/load-plugin.ts';
import { startPlugin } from '../plugins/testing/start-plugin.ts';
import { createTestCli } from './testing/run-cli.ts';

test('config check finds what is wrong with plugins, and starts none', async (t) => {
  const cli = createTestCli(t);
  const file = join(cli.directory, 'agent.yaml');
  writeFileSync(
    file,
    'plugins:\n  - use: ngnix\n  - use: probe\n    config: { unknown: 1 }\n  - use: notify\n',
  );
  const { code, json } = await cli.run(['config', 'check', 'agent.yaml', '--json']);
  assert.equal(code, 2);
  const { error } = json() as { error: { code: string; data: { problems: string[] } } };
  assert.equal(error.code, 'PLUGIN_INVALID');
  const text = error.data.problems.join('\n');
  for (const expected of [
    /Did you mean nginx\?/,
    /probe: config.*unknown/,
    /notify: runs on ccm and gl, not on this agent/,
  ])
    assert.match(text, expected);
  assert.deepEqual(readdirSync(cli.directory), ['agent.yaml']);
});

test('R9.5: a plugin that was just created passes its tests, and a configuration accepts it', async (t) => {
  const cli = createTestCli(t);
  const created = await cli.run(['plugin', 'create', 'my-cache', '--json']);
  assert.equal(created.code, 0);
  const { files } = created.json() as { files: string[] };
  assert.deepEqual(files.toSorted(), readdirSync(join(cli.directory, 'my-cache')));
  const tested = await cli.run(['plugin', 'test', 'my-cache', '--json']);
  assert.deepEqual([tested.code, tested.json()['passed']], [0, true]);
  writeFileSync(
    join(cli.directory, 'agent.yaml'),
    'plugins:\n  - use: ./my-cache\n    config: { directory: /tmp }\n',
  );
  assert.equal((await cli.run(['config', 'check', 'agent.yaml'])).code, 0);

  assert.equal((await cli.run(['plugin', 'create', 'my-cache'])).code, 3);
  assert.equal((await cli.run(['plugin', 'create', 'My Cache'])).code, 2);
  writeFileSync(
    join(cli.directory, 'my-cache', 'bad.test.ts'),
    "import { fail } from 'node:assert'; fail('no');",
  );
  assert.equal((await cli.run(['plugin', 'test', 'my-cache'])).code, 1);
  assert.equal((await cli.run(['plugin', 'test', '.'])).code, 1);
  const nowhere = await cli.run(['plugin', 'test', 'nowhere']);
  assert.equal(nowhere.code, 3);
  assert.match(nowhere.stderr, /nowhere does not exist/);
});

test('R9.5: a plugin that was just created type-checks where it lies, and makes the directory of its configuration', async (t) => {
  const cli = createTestCli(t);
  assert.equal((await cli.run(['plugin', 'create', 'my-cache'])).code, 0);
  const created = join(cli.directory, 'my-cache');
  const tsc = join(import.meta.dirname, '../../node_modules/.bin/tsc');
  const checked = (): string =>
    spawnSync(tsc, ['-p', created], { encoding: 'utf8', env: { ...process.env, NODE_PATH: '' } }).stdout;
  assert.equal(checked(), '');
  writeFileSync(
    join(created, 'wrong.ts'),
    "import { z } from 'treecast/plugin';\nexport const a: number = z;\n",
  );
  assert.match(checked(), /wrong\.ts\(2,14\): error TS2322/);

  const directory = join(cli.directory, 'not', 'there');
  const plugin = await startPlugin(await loadPlugin(created, cli.directory), { config: { directory } });
  t.after(() => plugin.close());
  assert.deepEqual(readdirSync(directory), []);
});
