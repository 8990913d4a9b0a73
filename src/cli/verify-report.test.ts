import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VerifyResult } from '../model/api.ts';
import { createStyle } from './style.ts';
import { verifyLines } from './verify-report.ts';

const tree = 'a'.repeat(40);
const good = { name: 'web1', tree, ok: true, drift: [], error: null };
const away = {
  name: 'web2',
  tree: null,
  ok: false,
  drift: [],
  error: { code: 'NODE_LOST', message: 'not connected' },
} as const;
const drifted = {
  ...good,
  name: 'web3',
  tree: 'b'.repeat(40),
  ok: false,
  drift: [{ path: 'index.html', problem: 'content' }],
};

function textOf(nodes: VerifyResult['nodes'], live: string | null = tree): string {
  return verifyLines({ site: 'docs', commit: live, tree: live, nodes }, createStyle(false)).join('\n');
}

test('a node that is not connected is away, which is not the same as different', () => {
  const text = textOf([good, away]);
  assert.match(text, /^AWAY +web2/m);
  assert.match(text, /^1 of 2 nodes agree\.$/m);
  assert.doesNotMatch(text, /DIFFERS|^fix:/m);
});

test('a node that differs is named with its paths, and with what to do', () => {
  const text = textOf([good, drifted]);
  assert.match(text, /^DIFFERS web3/m);
  assert.match(text, /web3: content {2}index\.html/);
  assert.match(text, /^fix: .*drift/m);
});

test('before the first publish it says so', () => {
  const text = textOf([{ ...good, tree: null }], null);
  assert.match(text, /nothing is published yet/i);
  assert.doesNotMatch(text, /DIFFERS|agree|^fix:/m);
});
