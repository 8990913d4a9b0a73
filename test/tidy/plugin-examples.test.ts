// Every example of plugins in the documents is a configuration that its plugin accepts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseDocument } from 'yaml';
import { decodeEntries } from '../../src/plugins/host/decode-entries.ts';
import { firstPartyPlugins, loadPlugin } from '../../src/plugins/host/load-plugin.ts';
import { pluginEntriesSchema } from '../../src/plugins/host/plugin-entry.ts';
import { repositoryRoot } from '../run/repository-root.ts';
import { sourceFiles } from './source-files.ts';

interface Example {
  readonly path: string;
  readonly line: number;
  readonly entries: readonly Record<string, unknown>[];
}

function examples(): Example[] {
  return sourceFiles()
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].flatMap((block) => {
        const document = parseDocument(block[1] ?? '');
        const line = text.slice(0, block.index).split('\n').length;
        assert.deepEqual(document.errors, [], `${path}:${line} is not YAML`);
        const { plugins } = (document.toJS() ?? {}) as { plugins?: Record<string, unknown>[] };
        return Array.isArray(plugins) ? [{ path, line, entries: plugins }] : [];
      }),
    );
}

/** What an example may lack on this machine: secrets' files and variables, programs. */
const ofThisMachine = /cannot be read|is not set|is not installed here/;

test('every example of plugins in the documents is accepted by its plugin', async () => {
  const found = examples();
  const used = new Set(found.flatMap(({ entries }) => entries.map(({ use }) => String(use))));
  for (const plugin of firstPartyPlugins)
    assert.ok(used.has(plugin), `no document has an example of ${plugin}`);
  for (const { path, line, entries } of found) {
    const parsed = pluginEntriesSchema.safeParse(entries);
    assert.ok(parsed.success, `${path}:${line}: ${parsed.error?.message}`);
    for (const entry of parsed.data) {
      if (!(firstPartyPlugins as readonly string[]).includes(entry.use)) continue;
      const [place = 'agent'] = (await loadPlugin(entry.use, repositoryRoot)).places;
      const { problems } = await decodeEntries({ entries: [entry], place, base: repositoryRoot });
      const wrong = problems.filter((problem) => !ofThisMachine.test(problem));
      assert.deepEqual(wrong, [], `${path}:${line}`);
    }
  }
});

test('every plugin that comes with Treecast is in its list, and has a README that explains every key', async () => {
  for (const plugin of firstPartyPlugins) {
    const readme = readFileSync(join(repositoryRoot, 'plugins', plugin, 'README.md'), 'utf8');
    const { configSchema } = await loadPlugin(plugin, repositoryRoot);
    const shape = (configSchema as { readonly shape?: Readonly<Record<string, unknown>> }).shape ?? {};
    const keys = Object.keys(shape);
    assert.ok(keys.length > 0, `${plugin}: the configuration has no keys`);
    for (const key of keys)
      assert.ok(readme.includes(key), `plugins/${plugin}/README.md does not name ${key}`);
  }
});
