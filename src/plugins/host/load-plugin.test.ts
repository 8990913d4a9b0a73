// Plugins are found by name, package and path; wherever they lie, `treecast/plugin` is this Treecast.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import { loadPlugin } from './load-plugin.ts';

const base = mkdtempSync(join(tmpdir(), 'treecast-load-'));
after(() => rmSync(base, { recursive: true, force: true }));

const source = (name: string): string =>
  `import { definePlugin, z } from 'treecast/plugin';
   export const it = definePlugin({ name: '${name}', summary: 's', places: ['agent'], configSchema: z.strictObject({}), setup: () => ({ hooks: {} }) });`;

async function refusal(use: string): Promise<string> {
  try {
    await loadPlugin(use, base);
  } catch (error) {
    assert.ok(error instanceof TreecastError && error.code === 'PLUGIN_INVALID', String(error));
    return `${error.message} ${error.fix ?? ''}`;
  }
  throw new assert.AssertionError({ message: `${use} was loaded` });
}

test('a file outside any package, in TypeScript or JavaScript, by its path from the configuration', async () => {
  writeFileSync(join(base, 'one.ts'), `${source('one')}\nconst n: number = 1; void n;`);
  writeFileSync(join(base, 'two.mjs'), source('two'));
  assert.equal((await loadPlugin('./one.ts', base)).name, 'one');
  assert.equal((await loadPlugin(join(base, 'two.mjs'), '/')).name, 'two');
});

test('a folder, and an installed package', async () => {
  mkdirSync(join(base, 'folder'));
  writeFileSync(join(base, 'folder', 'index.ts'), source('folder'));
  assert.equal((await loadPlugin('./folder', base)).name, 'folder');
  const installed = join(base, 'node_modules', 'treecast-plugin-x');
  mkdirSync(installed, { recursive: true });
  writeFileSync(
    join(installed, 'package.json'),
    '{"name":"treecast-plugin-x","type":"module","exports":"./main.js"}',
  );
  writeFileSync(join(installed, 'main.js'), source('x'));
  assert.equal((await loadPlugin('treecast-plugin-x', base)).name, 'x');
});

test('what is missing or broken is told with where and what to do', async () => {
  writeFileSync(join(base, 'broken.ts'), 'export const = ;');
  writeFileSync(join(base, 'empty.mjs'), 'export const nothing = 1;');
  assert.match(
    await refusal('./absent.ts'),
    /there is no plugin at .*absent\.ts.*directory of the configuration/,
  );
  assert.match(await refusal('ngnix'), /there is no plugin ngnix Did you mean nginx\?/);
  assert.match(await refusal('./broken.ts'), /broken\.ts\) cannot be loaded/);
  assert.match(await refusal('./empty.mjs'), /exports no plugin/);
});
