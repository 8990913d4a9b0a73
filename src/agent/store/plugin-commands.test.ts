// Plugin commands of a release: staged, kept with their tree through switches, rollbacks and restarts, bounded (STG-26).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { CommandInput } from '../../assignment/encode-assignment.ts';
import { pluginCommandBytesMax, pluginCommandsMax } from './plugin-commands.ts';
import type { SiteStore } from './site-store.ts';
import { commandsBetween, type ModelTree, modelFile, modelTreeId } from './testing/model-tree.ts';
import {
  decisionFor,
  kitAssignment,
  kitSite,
  makeRoot,
  openKitStore,
  openPublishedStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const one: ModelTree = new Map([['index.html', modelFile('one', 1000)]]);
const two: ModelTree = new Map([['index.html', modelFile('two', 2000)]]);

let root: string;
let store: SiteStore;

beforeEach(async () => {
  root = makeRoot();
  store = await openPublishedStore(root, one);
});

afterEach(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

const keptFiles = () =>
  fs.readdirSync(path.join(root, kitSite, 'inbox')).filter((name) => name.endsWith('.commands'));

function plugin(name: string, parameters: Record<string, unknown> = {}): CommandInput {
  return { command: { do: 'plugin', name, parameters } };
}

function stage(sequence: number, base: ModelTree, target: ModelTree, plugins: readonly CommandInput[]) {
  const assignment = kitAssignment({
    release: release(sequence),
    baseTree: modelTreeId(base),
    targetTree: modelTreeId(target),
    commands: [...commandsBetween(base, target), ...plugins],
  });
  return receiveAndStage(store, assignment);
}

const unit = { program: 'site.service', arguments: ['--now'], retries: 2 };

test('STG-26: the commands of a release are given back in order while it is staged, live and backup', async () => {
  assert.deepEqual(store.commandsOf(release(1)), []);
  await stage(2, one, two, [plugin('systemd:restart', unit), plugin('files:write', { path: 'a/ü.conf' })]);
  const wanted = [
    { name: 'systemd:restart', parameters: unit },
    { name: 'files:write', parameters: { path: 'a/ü.conf' } },
  ];
  assert.deepEqual(store.commandsOf(release(2)), wanted);
  await store.close();
  store = await openKitStore(root);
  assert.deepEqual(store.commandsOf(release(2)), wanted, 'after a restart');
  await store.decide(decisionFor(release(2), modelTreeId(two)));
  assert.deepEqual(store.commandsOf(release(2)), wanted);
  await stage(3, two, one, [plugin('other:x')]);
  await store.decide(decisionFor(release(3), modelTreeId(one)));
  assert.deepEqual(store.commandsOf(release(2)), wanted, 'of the backup');
  await store.settle();
  await store.decide(decisionFor(release(4), modelTreeId(two), 'rollback'));
  assert.deepEqual(store.commandsOf(release(4)), wanted, 'the tree returned to now counts as this release');
  assert.deepEqual(store.commandsOf(release(3)), [{ name: 'other:x', parameters: {} }]);
});

test('STG-26: commands go with their tree, and only those of held trees stay on disk', async () => {
  await stage(2, one, two, [plugin('acme:a')]);
  await store.abort(release(2));
  await store.settle();
  assert.deepEqual([store.commandsOf(release(2)), keptFiles()], [[], []]);
  await stage(3, one, two, [plugin('acme:a')]);
  await store.decide(decisionFor(release(3), modelTreeId(two)));
  await stage(4, two, one, []);
  await store.decide(decisionFor(release(4), modelTreeId(one)));
  await store.settle();
  assert.equal(keptFiles().length, 1, 'of the backup');
  await stage(5, one, two, []);
  await store.decide(decisionFor(release(5), modelTreeId(two)));
  await store.settle();
  assert.deepEqual(keptFiles(), []);
});

test('STG-26: too many commands or too long ones fail the release; at the bound they do not', async () => {
  const many = Array.from({ length: pluginCommandsMax }, (_, n) => plugin(`acme:c${n}`));
  const shell = '[{"name":"acme:a","parameters":{"text":""}}]'.length;
  const long = (bytes: number) => [plugin('acme:a', { text: 'x'.repeat(bytes - shell) })];
  for (const refused of [[...many, plugin('acme:more')], long(pluginCommandBytesMax + 1)]) {
    await assert.rejects(stage(2, one, two, refused), { code: 'STAGE_FAILED', message: /at most/ });
    assert.equal(store.resolveStaged(), null);
  }
  await stage(2, one, two, many);
  assert.equal(store.commandsOf(release(2)).length, pluginCommandsMax);
  await stage(3, one, two, long(pluginCommandBytesMax));
  assert.equal(store.commandsOf(release(3)).length, 1);
});

test('STG-26: commands damaged on disk are refused, not half believed', async () => {
  await stage(2, one, two, [plugin('acme:a')]);
  for (const name of keptFiles()) fs.writeFileSync(path.join(root, kitSite, 'inbox', name), '[]');
  assert.throws(() => store.commandsOf(release(2)), { code: 'STATE_CORRUPT' });
});
