import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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

test('docs/plugins.md shows examples/plugin-minimal as it is', () => {
  const source = read('examples/plugin-minimal/plugin.ts');
  assert.ok(guide.includes(`\`\`\`ts\n${source}\`\`\`\n`), 'the first example of the guide is another one');
  assert.ok(source.split('\n').length < 100);
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
    'run',
    'call',
    'events',
    'observe',
  ];
  assert.ok(named.size > 15, `only ${[...named].join(', ')}`);
  for (const name of named) assert.ok(name in api || ofEvents.includes(name), `${name} is not exported`);
});
