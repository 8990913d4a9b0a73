// What plugins answer by mistake, or in too many words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HookName } from '../api/hook-table.ts';
import { Secret } from '../api/secret.ts';
import { checkedAnswer } from './checked-answer.ts';

const lines: string[] = [];
const write = (_: object, message: string): void => void lines.push(message);
const log = { debug: write, info: write, warn: write, error: write };
const checked = <H extends HookName>(hook: H, answer: unknown) => checkedAnswer(answer, { hook, log });

test('a note is one that receipts carry: bounded, whole characters, without secrets', () => {
  const token = new Secret('swordfish-swordfish');
  const note = checked('probe', { note: `${token.reveal()} ${'é😀'.repeat(400)}` })?.note ?? '';
  assert.ok(note.startsWith('[secret] é😀') && note.isWellFormed());
  assert.ok(note.length === 500);
});

test('a URL map is completed; one that is none, or too large for a message, is left out and named', () => {
  const origins = ['https://a.example'];
  const rewrites = Array.from({ length: 1000 }, (_, i) => ({
    path: `${i}.html`,
    urls: [`/${'x'.repeat(100)}/${i}`],
  }));
  assert.deepEqual(checked('attach', { urlMap: { origins } })?.urlMap?.index, ['index.html']);
  assert.equal(checked('attach', { urlMap: { origins, rewrites } })?.urlMap, undefined);
  assert.equal(checked('attach', { urlMap: { origins: ['nowhere'] } })?.urlMap, undefined);
  assert.deepEqual(lines, [
    'its URL map has more than 65536 characters, and is left out',
    'its URL map is none (origins.0), and is left out',
  ]);
});

test('a balancer’s states that are none are the plugin’s failure', () => {
  const nodes = [{ node: 'a', state: 'in', sessions: null, weight: 100 }];
  assert.deepEqual(checked('inspect', { nodes })?.nodes, nodes);
  for (const [answer, problem] of [
    [undefined, /^inspect answered nothing$/],
    [{}, /^inspect answered no proper states of nodes$/],
    [{ nodes: 'all' }, /^inspect answered no proper states of nodes$/],
    [{ nodes: [null] }, /states of nodes \(0\)$/],
    [{ nodes: [{ ...nodes[0], state: 'up' }] }, /states of nodes \(0\.state\)$/],
  ] as const)
    assert.throws(() => checked('inspect', answer), { name: 'PluginError', message: problem });
});
