import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, errorCodes } from '../model/error-codes.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { exitCodes, exitOf } from './exit-codes.ts';

const all = Object.keys(errorCodes) as ErrorCode[];
const ending = (exit: string): ErrorCode[] =>
  all.filter((code) => exitOf(new TreecastError(code, 'x')) === exit);

test('N48: exit codes are distinct and stay what they are', () => {
  assert.deepEqual(Object.fromEntries(Object.entries(exitCodes).map(([name, { code }]) => [name, code])), {
    ok: 0,
    failed: 1,
    usage: 2,
    refused: 3,
    unreachable: 4,
    job: 5,
    bug: 70,
    interrupted: 130,
  });
});

test('N48: every error code ends with an exit code of its kind', () => {
  assert.deepEqual(ending('usage'), ['INVALID_INPUT', 'INVALID_CONFIGURATION', 'PLUGIN_INVALID']);
  assert.deepEqual(ending('unreachable'), ['CCM_UNREACHABLE']);
  assert.deepEqual(ending('job').sort(), [
    'ABORTED',
    'DEFERRED',
    'NODE_LOST',
    'NO_MEMBERS',
    'NO_QUORUM',
    'SUPERSEDED',
  ]);
  assert.deepEqual(ending('bug'), ['BUG']);
  assert.deepEqual(ending('ok'), []);
  for (const code of ending('refused')) assert.equal(errorCodes[code].kind, 'user', code);
  for (const code of ending('failed')) assert.equal(errorCodes[code].kind, 'operating', code);
});

test('what is no TreecastError is a bug', () => {
  assert.equal(exitOf(new TypeError('x')), 'bug');
  assert.equal(exitOf('x'), 'bug');
});
