// The files of a new plugin: it works, passes the conformance suite, and shows where one's own code goes.

import type { ApiTypes } from './api-types.ts';

/** Contents by path below the plugin's directory. `name` is a plugin's name: lower-case letters, digits, dashes. */
export function scaffoldPlugin(name: string, types: ApiTypes): ReadonlyMap<string, string> {
  const identifier = name.replace(/-+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return new Map([
    ['package.json', packageJson(name)],
    ['tsconfig.json', tsconfig(types)],
    ['index.ts', plugin(name, identifier)],
    ['index.test.ts', test(identifier)],
    ['README.md', readme(name)],
  ]);
}

function packageJson(name: string): string {
  const content = {
    name: `treecast-plugin-${name}`,
    version: '0.1.0',
    description: `Treecast plugin: ${name}.`,
    type: 'module',
    exports: './index.ts',
    keywords: ['treecast-plugin'],
    scripts: { test: 'treecast plugin test' },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** For editors and tsc: Node runs the file as it is. Where the types are is this installation's, so it is written anew elsewhere. */
function tsconfig({ api, testing, typeRoots }: ApiTypes): string {
  const content = {
    compilerOptions: {
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      module: 'nodenext',
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      paths: { 'treecast/plugin': [api], 'treecast/plugin/testing': [testing] },
      ...(typeRoots === undefined ? {} : { typeRoots: [typeRoots], types: ['node'] }),
    },
    include: ['**/*.ts'],
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function plugin(name: string, identifier: string): string {
  return `// After each switch, writes what is live into a file. Put your own server, cache or service in its place.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { definePlugin, PluginError, replaceFile, z } from 'treecast/plugin';

export const ${identifier} = definePlugin({
  name: '${name}',
  summary: 'writes what is live into a file',
  places: ['agent'],
  // Unknown keys are refused; every problem is reported at once, when the agent starts.
  configSchema: z.strictObject({
    directory: z.string().startsWith('/').describe('Where the files are written.'),
  }),
  // Programs that must be there: ['nginx'].
  programs: [],

  async setup({ config, log, onCleanup }) {
    // Make and open what you need: what fails here is told when the agent starts, not by the first publish.
    await mkdir(config.directory, { recursive: true }).catch((cause) => {
      throw new PluginError(\`\${config.directory} cannot be made\`, { cause, fix: 'Make it, or correct \`directory\`.' });
    });
    // Say at once how it is closed. It is closed also when the set-up fails further down.
    onCleanup(() => log.debug({}, 'closed'));

    return {
      hooks: {
        // The node's vote: throw, and the release is not switched to anywhere.
        async beforeSwitch({ to }, { dryRun }) {
          if (to.tree === '') throw new PluginError('the tree has no id', { fix: 'Publish again.' });
          return dryRun ? { note: 'would do' } : undefined;
        },

        // The live link has moved. Being called twice must do no more than once.
        async afterSwitch({ site, to }) {
          const text = JSON.stringify({ site, tree: to.tree, release: to.release });
          try {
            await replaceFile(join(config.directory, \`\${site}.json\`), text, 0o644);
          } catch (cause) {
            throw new PluginError(\`\${config.directory} cannot be written\`, {
              cause,
              fix: 'Make the directory, or correct \`directory\`.',
            });
          }
          return { note: to.release };
        },
      },
    };
  },
});
`;
}

function test(identifier: string): string {
  return `import assert from 'node:assert/strict';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSiteOnDisk, directorySnapshot, runHook, testPluginConformance } from 'treecast/plugin/testing';
import { ${identifier} } from './index.ts';

test('writes tree and release of what is live', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'plugin-'));
  const site = await createSiteOnDisk('docs', { 'index.html': 'one' });
  t.after(() => Promise.all([site.remove(), rm(directory, { recursive: true })]));
  const next = await site.stage({ 'index.html': 'two' });
  const event = site.switchEvent(next);
  await site.switchTo(next);
  const run = await runHook(${identifier}, { directory }, 'afterSwitch', event);
  assert.equal(run.error, null);
  const written = JSON.parse(await readFile(join(directory, 'docs.json'), 'utf8'));
  assert.deepEqual(written, { site: 'docs', tree: next.tree, release: next.release });
});

// What every plugin has to show: life cycle, wrong configuration, failing and stalled target, dry run, idempotence, two sites.
testPluginConformance(${identifier}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'plugin-'));
  const sites = {
    one: await createSiteOnDisk('one', { 'index.html': '1' }),
    two: await createSiteOnDisk('two', { 'index.html': '2' }),
  };
  return {
    config: { directory },
    wrong: [{ config: { directory: 'relative', colour: 'red' }, problems: [/directory/, /colour/] }],
    events: (name) => {
      const site = sites[name];
      return {
        beforeSwitch: site.beforeSwitchEvent(site.live()),
        afterSwitch: site.switchEvent(site.live()),
      };
    },
    observe: () => directorySnapshot(directory),
    failing: ['afterSwitch'],
    breakTarget: () => rename(directory, \`\${directory}.away\`),
    mendTarget: () => rename(\`\${directory}.away\`, directory).catch(() => undefined),
    async close() {
      await Promise.all([sites.one.remove(), sites.two.remove(), rm(directory, { recursive: true })]);
    },
  };
});
`;
}

function readme(name: string): string {
  return `# ${name}

A plugin of Treecast. In \`agent.yaml\` of each node, where \`use\` is the path of this folder:

\`\`\`yaml
plugins:
  - use: ./${name}
    config:
      directory: /var/lib/${name}
\`\`\`

| key | meaning |
|---|---|
| \`directory\` | where the files are written; made when it is not there |

\`treecast plugin test\` in this folder runs its tests. How plugins are written: docs/plugins.md of Treecast.

\`tsconfig.json\` tells editors and \`tsc\` where the types of the Treecast are that made this folder; on another machine correct its paths. Where
Node's types are unknown: \`npm install --save-dev @types/node\`, and \`"types": ["node"]\` there.
`;
}
