// What the author of a plugin is told when the plugin is wrong: where, and what would be right.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import type { PluginPlace } from '../api/hook-table.ts';
import { until } from '../testing/until.ts';
import { createPluginSet, type PluginSetOptions } from './create-plugin-set.ts';
import { pluginEntriesSchema } from './plugin-entry.ts';
import type { PluginSet } from './plugin-set.ts';

const directory = mkdtempSync(join(tmpdir(), 'treecast-author-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const quiet = (): void => undefined;
let files = 0;

/** A file of a plugin, by its `use`. Line 1 is the import. */
function written(text: string, end = 'ts'): string {
  files += 1;
  writeFileSync(join(directory, `plugin-${files}.${end}`), text);
  return `./plugin-${files}.${end}`;
}

function definition(parts: string, rest = "places: ['agent']", name = 'it'): string {
  return `import { definePlugin, secret, z } from 'treecast/plugin';
export const it = definePlugin({
  name: '${name}', summary: 's', configSchema: z.looseObject({}), ${rest},
  ${parts},
});
`;
}

function start(
  use: string,
  entry: Readonly<Record<string, unknown>> = {},
  options: Partial<PluginSetOptions> = {},
): Promise<PluginSet> {
  return createPluginSet({
    entries: pluginEntriesSchema.parse([{ use, ...entry }]),
    place: 'agent',
    base: directory,
    stateDirectory: join(directory, 'state'),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    ...options,
  });
}

async function problemOf(starting: Promise<PluginSet>): Promise<string> {
  try {
    await (await starting).close();
  } catch (error) {
    assert.ok(error instanceof TreecastError && error.code === 'PLUGIN_INVALID', String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: 'it started' });
}

test('a syntax error is told with its file and line, in TypeScript, JavaScript, and a module of its own', async () => {
  for (const end of ['ts', 'mjs']) {
    const use = written('export const x = 1;\n\nexport const = ;\n', end);
    assert.match(
      await problemOf(start(use)),
      new RegExp(`cannot be loaded: .* \\(at plugin-\\d+\\.${end}:3\\)`),
    );
  }
  const part = written('\nenum Colour { red }\n');
  const use = written(`import '${part}';\n`);
  assert.match(await problemOf(start(use)), new RegExp(`\\(at ${part.slice(2)}:2\\)`));
  const thrown = written("\n\n\nthrow new Error('no');\n");
  assert.match(
    await problemOf(start(thrown)),
    new RegExp(`cannot be loaded: no \\(at ${thrown.slice(2)}:4\\)`),
  );
});

test('an error of setup or validate that is no PluginError is told with its line; a PluginError says enough itself', async () => {
  const setup = written(definition("setup() {\n    throw new Error('boom');\n  }"));
  assert.match(await problemOf(start(setup)), new RegExp(`it: boom \\(at ${setup.slice(2)}:5\\)`));
  const late = written(
    definition(
      "setup: () => ({ hooks: {}, async validate() {\n    await null;\n    JSON.parse('{');\n  } })",
    ),
  );
  assert.match(await problemOf(start(late)), new RegExp(`it: .*JSON.* \\(at ${late.slice(2)}:6\\)`));
  const said = written(
    `import { PluginError } from 'treecast/plugin';\n${definition("setup() { throw new PluginError('full', { fix: 'Make room.' }); }")}`,
  );
  assert.match(await problemOf(start(said)), /it: full\. Make room\.$/m);
});

test('a hook that no place of the plugin calls is refused, and so is one that there is none of', async () => {
  const hooks = (names: string): string => `setup: () => ({ hooks: { ${names} } })`;
  const useless = written(definition(hooks('notify() {}')));
  assert.match(
    await problemOf(start(useless)),
    /the hook notify would never be called: it runs on ccm and gl, and `places` of the plugin has agent only\. Add ccm or gl to `places`/,
  );
  const misspelt = written(definition(hooks('afterSwich() {}')));
  assert.match(
    await problemOf(start(misspelt)),
    /there is no hook afterSwich\. Did you mean afterSwitch\? Hooks: attach, .*notify/,
  );
  const both = written(definition(hooks('notify() {}, attach() {}'), "places: ['agent', 'ccm']"));
  const called: Partial<Record<PluginPlace, string>> = { agent: 'attach', ccm: 'notify' };
  for (const place of ['agent', 'ccm'] as const) {
    const set = await start(both, {}, { place });
    assert.deepEqual(set.instances[0]?.hooks, [called[place]]);
    await set.close();
  }
});

test('what a plugin calls itself is lower-case letters, digits and dashes', async () => {
  for (const name of ['My Plugin', 'a.b', 'a_b', '', '-a']) {
    const use = written(definition('setup: () => ({ hooks: {} })', "places: ['agent']", name));
    assert.match(
      await problemOf(start(use)),
      new RegExp(`calls itself "${name}", which is no name: lower-case letters, digits and dashes`),
    );
  }
});

test('a secret that stands in the configuration itself, or none, is told how to be written', async () => {
  const use = written(
    definition('setup: () => ({ hooks: {} })').replace(
      'z.looseObject({})',
      'z.strictObject({ token: secret() })',
    ),
  );
  for (const config of [{ token: 'hunter2!' }, { token: { path: '/etc/token' } }, {}]) {
    const problem = await problemOf(start(use, { config }));
    assert.match(problem, /config\.token: .*write \{ file: \/path \} or \{ env: NAME \}/);
    assert.doesNotMatch(problem, /hunter2/);
  }
});

test('a plugin that hangs at the start is waited for no longer when the agent is to end, and what was set up is taken down', async () => {
  for (const part of [
    'setup({ onCleanup }) { onCleanup(clean); begin(); return new Promise(() => {}); }',
    'setup: ({ onCleanup }) => { onCleanup(clean); return { hooks: {}, validate() { begin(); return new Promise(() => {}); } }; }',
  ]) {
    const use = written('');
    const path = join(directory, use);
    writeFileSync(
      path,
      `import { writeFileSync } from 'node:fs';
const begin = () => writeFileSync('${path}.begun', '');
const clean = () => writeFileSync('${path}.cleaned', '');
${definition(part)}`,
    );
    const stopping = new AbortController();
    const starting = start(use, {}, { signal: stopping.signal });
    await until('it hangs', () => existsSync(`${path}.begun`));
    stopping.abort('SIGTERM');
    await assert.rejects(starting, (reason) => reason === 'SIGTERM');
    assert.ok(existsSync(`${path}.cleaned`));
  }
});
