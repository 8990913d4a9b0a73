// Leaders that hand an assignment on from one to the next, and from two to one, over real TLS and files, by words of a CCM that the test speaks for.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blockCount } from '../../assignment/block-layout.ts';
import type { EncodedAssignment } from '../../assignment/encode-assignment.ts';
import { blockBytes } from '../../model/assignment.ts';
import { until } from '../../plugins/testing/until.ts';
import { kitAssignment } from '../leader/testing/kit-ccm.ts';
import { heldBy, type KitLeader } from '../leader/testing/leader-kit.ts';
import {
  answerNext,
  expectIt,
  handOut,
  handOutFor,
  lastState,
  placeOf,
  sourcesFrom,
  startTree,
  stateOf,
} from './testing/tree-kit.ts';

function hasExactly(leader: KitLeader, { header, data }: EncodedAssignment): void {
  assert.ok(readFileSync(join(leader.directory, 'relay', `${header.id}.data`)).equals(data));
}

test('N19 N45 TREE-2 TREE-53 TREE-54 TREE-56: three leaders in a row: each asks for the next with its first blocks, notifies it, and serves it while the rest still comes', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(6_000_000);
  const { id } = assignment.header;
  const blocks = blockCount(assignment.header);
  ccm.assignments.set(id, assignment);
  ccm.gate.at = 10 * blockBytes;
  const [first, second, third] = [await start('gl-1'), await start('gl-2'), await start('gl-3')];
  for (const leader of [first, second, third]) expectIt(leader, assignment);
  handOut(first, assignment, sourcesFrom(null));
  await until('it asks for the next', () => first.saidOf('treeNext').length > 0);
  assert.ok((first.saidOf('treeNext')[0]?.heldBlocks ?? 0) < blocks);
  answerNext(first, assignment, [
    { ...placeOf(second), handOut: handOutFor(assignment, 'gl-2', sourcesFrom(placeOf(first))) },
  ]);
  await until('so does the second', () => second.saidOf('treeNext').length > 0);
  answerNext(second, assignment, [
    { ...placeOf(third), handOut: handOutFor(assignment, 'gl-3', sourcesFrom(placeOf(second))) },
  ]);
  await until('all have what there is', () => [first, second, third].every((leader) => heldBy(leader) >= 9));
  assert.deepEqual(first.leader.status().tree[0]?.children, ['gl-2']);
  assert.deepEqual([stateOf(first), stateOf(third)], ['fetching', 'fetching']);
  ccm.gate.open();
  await until('all hold it', () => [first, second, third].every((leader) => stateOf(leader) === 'held'));
  for (const leader of [first, second, third]) hasExactly(leader, assignment);
  assert.equal(ccm.served(), assignment.data.length, 'the CCM gave it once');
  const { state, number, figures, heldBlocks } = lastState(third);
  assert.deepEqual([state, number, heldBlocks], ['held', 1, blocks]);
  assert.equal(figures.length, 1);
  assert.equal(figures[0]?.node, 'gl-2');
  assert.equal(figures[0]?.bytes, assignment.manifest.length + assignment.data.length);
  assert.ok((figures[0]?.delayMs ?? -1) >= 0);
  await until('nobody is served any more', () => first.leader.status().tree[0]?.children.length === 0);
});

test('N19 TREE-45: two parts come from two leaders side by side, each gives its own alone', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(12_000_000);
  ccm.assignments.set(assignment.header.id, assignment);
  const [left, right, below] = [await start('gl-1'), await start('gl-2'), await start('gl-3')];
  for (const leader of [left, right]) handOut(leader, assignment, sourcesFrom(null));
  await until('both hold it', () => [left, right].every((leader) => stateOf(leader) === 'held'));
  handOut(below, assignment, sourcesFrom(placeOf(left), placeOf(right)));
  await until('it is held', () => stateOf(below) === 'held');
  hasExactly(below, assignment);
  const figures = new Map(lastState(below).figures.map(({ node, bytes }) => [node, bytes]));
  const [one = 0, other = 0] = [figures.get('gl-1'), figures.get('gl-2')];
  assert.equal(one + other, assignment.manifest.length + assignment.data.length);
  assert.ok(Math.abs(one - other) < assignment.data.length / 10, `${one} ${other}`);
});
