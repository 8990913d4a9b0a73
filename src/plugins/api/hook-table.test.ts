// docs/plugins.md against the code: hook table, shapes, exports, examples.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hookNames, hookRow } from './hook-table.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const guide = read('docs/plugins.md');

/** The row that docs/plugins.md has to have for a hook. */
function rowOf(name: (typeof hookNames)[number]): string {
  const { places, kind, timeoutMs, onFailure, dryRun, summary } = hookRow(name);
  const cells = [
    `\`${name}\``,
    places.join(', '),
    kind,
    `${timeoutMs / 1000} s`,
    onFailure,
    dryRun ? 'yes' : 'no',
    summary,
  ];
  return `| ${cells.join(' | ')} |`;
}

test('docs/plugins.md has the hook table as it is', () => {
  const rows = guide.split('\n').filter((line) => /^\| `[a-zA-Z]+` \| (?:agent|ccm|gl)\b/.test(line));
  assert.deepEqual(rows, hookNames.map(rowOf));
});

test('docs/plugins.md names event and answer of every hook', () => {
  const types = [
    ...read('src/plugins/api/hooks.ts').matchAll(/^ {2}(\w+): \{ event: (\w+); answer: ([^;]+)/gm),
  ];
  assert.deepEqual(
    types.map(([, hook]) => hook),
    hookNames,
  );
  for (const [, hook, event, answer = ''] of types) {
    const row = guide.split('\n').find((line) => line.startsWith(`| \`${hook}\` | \`${event}\` |`));
    assert.ok(row !== undefined, `no row for ${hook} with ${event}`);
    for (const [, field = ''] of answer.matchAll(/readonly (\w+)\??:/g))
      assert.ok(row.includes(`\`${field}\``), row);
  }
});

test('docs/plugins.md shows the examples as they are', () => {
  for (const file of ['plugin-minimal/plugin.ts', 'plugin-ccm/plugin.ts', 'plugin-ccm/plugin.test.ts']) {
    const source = read(`examples/${file}`);
    assert.ok(guide.includes(`\`\`\`ts\n${source}\`\`\`\n`), `the guide has another ${file}`);
    assert.ok(source.split('\n').length < 100);
  }
});

test('docs/plugins.md shows every field of every event, and of the other types that it shows, and no more', () => {
  const declared = declaredInterfaces();
  const shown = shownInterfaces();
  const events = [...read('src/plugins/api/hooks.ts').matchAll(/^export interface (\w+)/gm)].map(
    ([, name]) => name,
  );
  assert.ok(events.length > 10);
  for (const name of events)
    assert.ok(name === 'HookTypes' || shown.has(name ?? ''), `the guide does not show ${name}`);
  assert.ok(shown.size > 30, [...shown.keys()].join(', '));
  for (const name of shown.keys()) {
    assert.ok(declared.has(name), `there is no ${name}`);
    assert.deepEqual(fieldsOf(name, shown).toSorted(), fieldsOf(name, declared).toSorted(), name);
  }
});

test('docs/plugins.md names everything that treecast/plugin and treecast/plugin/testing export', () => {
  const code = [...guide.matchAll(/```ts\n([\s\S]*?)```|`([^`\n]+)`/g)].map(([all]) => all).join('\n');
  const words = new Set(code.match(/\w+/g));
  for (const module of ['src/plugins/index.ts', 'src/plugins/testing/index.ts']) {
    const names = exportedNames(module);
    assert.ok(names.length > 25, names.join(', '));
    assert.deepEqual(
      names.filter((name) => !words.has(name)),
      [],
      module,
    );
  }
});

test('every function that docs/plugins.md names is exported', async () => {
  const api = { ...(await import('../index.ts')), ...(await import('../testing/index.ts')) };
  const named = new Set([...guide.matchAll(/`([a-z][A-Za-z]+)\(/g)].map(([, name]) => name ?? ''));
  const ofEvents = [
    'changes',
    'paths',
    'read',
    'writeTwin',
    'exec',
    'onCleanup',
    'recover',
    'reveal',
    'run',
    'call',
    'events',
    'observe',
  ];
  assert.ok(named.size > 15, `only ${[...named].join(', ')}`);
  for (const name of named) assert.ok(name in api || ofEvents.includes(name), `${name} is not exported`);
});

interface Declared {
  readonly parents: readonly string[];
  readonly fields: readonly string[];
}

function fieldsOf(name: string, among: ReadonlyMap<string, Declared>): string[] {
  const { fields, parents } = among.get(name) ?? { fields: [], parents: [] };
  return [...fields, ...parents.flatMap((parent) => fieldsOf(parent, among))];
}

/** The exported interfaces of everything that plugins are written with. */
function declaredInterfaces(): Map<string, Declared> {
  const root = new URL('../', import.meta.url);
  const files = globSync('**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'));
  const found = new Map<string, Declared>();
  for (const file of files) {
    const text = read(`src/plugins/${file}`);
    const interfaces = /^export interface (\w+)(?:<[^{]*>)?(?: extends ([^{]+?))? \{\n([\s\S]*?)\n\}/gm;
    for (const [, name = '', parents, body = ''] of text.matchAll(interfaces)) {
      const fields = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:<]/gm)].map(([, field]) => field ?? '');
      found.set(name, { fields, parents: parentsIn(parents) });
    }
  }
  return found;
}

/** The interfaces of the guide, whose fields end with a line or a semicolon. */
function shownInterfaces(): Map<string, Declared> {
  const found = new Map<string, Declared>();
  for (const [, block = ''] of guide.matchAll(/```ts\n(interface [\s\S]*?)```/g)) {
    const code = block.replaceAll(/ *\/\/ .*/g, '');
    for (const [, name = '', parents, body = ''] of code.matchAll(
      /^interface (\w+)(?:<\w+>)?(?: extends (\w+))? \{(.*\}$|[\s\S]*?^\})/gm,
    )) {
      const fields = outermost(body.trimEnd().slice(0, -1))
        .split(/[;\n]/)
        .flatMap((part) => /^\s*(\w+)/.exec(part)?.[1] ?? []);
      found.set(name, { fields, parents: parentsIn(parents) });
    }
  }
  return found;
}

function parentsIn(list: string | undefined): string[] {
  return (list ?? '').split(',').flatMap((parent) => /\w+/.exec(parent)?.[0] ?? []);
}

/** What stands in no bracket. */
function outermost(text: string): string {
  let depth = 0;
  let kept = '';
  for (const character of text) {
    if ('({['.includes(character)) depth += 1;
    if (depth === 0) kept += character;
    if (')}]'.includes(character)) depth -= 1;
  }
  return kept;
}

function exportedNames(module: string): string[] {
  const text = read(module);
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) =>
    list.split(','),
  );
  const named = lists.flatMap((item) => /(\w+)\s*$/.exec(item)?.[1] ?? []);
  const wholes = [...text.matchAll(/^export \* from '(.*)';/gm)].flatMap(([, from = '']) =>
    [
      ...read(join(module, '..', from)).matchAll(/^export (?:const|function|interface|type|class) (\w+)/gm),
    ].map(([, name]) => name ?? ''),
  );
  return [...named, ...wholes];
}
