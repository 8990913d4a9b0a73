// Sources of the tree that die, go silent, lie, spoil what they give or are too slow: the CCM is told what is wrong, only what is missing comes from
// another one, and nothing is here that the signed manifest does not say.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blockCount } from '../../assignment/block-layout.ts';
import type { EncodedAssignment } from '../../assignment/encode-assignment.ts';
import { blockBytes } from '../../model/assignment.ts';
import { until } from '../../plugins/testing/until.ts';
import { kitAssignment, kitTicket, nowMs } from '../leader/testing/kit-ccm.ts';
import { heldBy, type KitLeader } from '../leader/testing/leader-kit.ts';
import { runScriptedSource } from './testing/scripted-source.ts';
import {
  expectIt,
  fastTimes,
  handOut,
  lastState,
  placeOf,
  sourcesFrom,
  startTree,
  stateOf,
} from './testing/tree-kit.ts';

function hasExactly(leader: KitLeader, { header, data }: EncodedAssignment): void {
  assert.ok(readFileSync(join(leader.directory, 'relay', `${header.id}.data`)).equals(data));
}

const lostOf = (leader: KitLeader) =>
  leader.saidOf('treeSourceLost').map(({ source, trouble }) => [source, trouble]);

for (const percent of [10, 50, 90]) {
  test(`N46 TREE-46 TREE-49: a source that dies at ${percent} % is noticed, and only what is missing comes from the next one`, async (t) => {
    const { ccm, start } = await startTree(t);
    const assignment = kitAssignment(12_000_000);
    const blocks = blockCount(assignment.header);
    ccm.assignments.set(assignment.header.id, assignment);
    const [spare, dying, leader] = [await start('gl-1'), await start('gl-2'), await start('gl-3')];
    handOut(spare, assignment, sourcesFrom(null));
    await until('one holds it', () => stateOf(spare) === 'held');
    const here = Math.round((blocks * percent) / 100);
    ccm.gate.at = here * blockBytes;
    handOut(dying, assignment, sourcesFrom(null));
    handOut(leader, assignment, sourcesFrom(placeOf(dying)));
    await until('so much is here', () => heldBy(leader) === here);
    await dying.leader.close();
    await until('the CCM is told', () => lostOf(leader).length > 0);
    assert.deepEqual(lostOf(leader), [['gl-2', 'unreachable']]);
    handOut(leader, assignment, sourcesFrom(placeOf(spare)), { number: 2 });
    await until('it is held', () => stateOf(leader) === 'held');
    hasExactly(leader, assignment);
    const { figures, number } = lastState(leader);
    assert.equal(number, 2);
    assert.deepEqual(
      figures.map(({ node }) => node),
      ['gl-2', 'gl-1'],
    );
    const bytes = figures.reduce((sum, each) => sum + each.bytes, 0);
    assert.ok(bytes < 1.02 * (assignment.data.length + assignment.manifest.length), `${bytes}`);
  });
}

test('N19 N46 TREE-46: a block that is not the signed one is never here, its source is called corrupt at once, and another one goes on', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(4_000_000);
  const data = Buffer.from(assignment.data);
  data.writeUInt8((data[5 * blockBytes] as number) ^ 1, 5 * blockBytes);
  const corrupt = await runScriptedSource(t, ccm, 'gl-1', assignment, { data });
  const honest = await runScriptedSource(t, ccm, 'gl-2', assignment);
  const leader = await start('gl-3');
  handOut(leader, assignment, sourcesFrom(corrupt));
  await until('the CCM is told', () => lostOf(leader).length > 0);
  assert.deepEqual(lostOf(leader), [['gl-1', 'corrupt']]);
  const before = heldBy(leader);
  assert.ok(before <= 31 - 1);
  handOut(leader, assignment, sourcesFrom(honest), { number: 2 });
  await until('it is held', () => stateOf(leader) === 'held');
  hasExactly(leader, assignment);
  assert.ok(honest.asked.every(([first]) => first >= 5 * blockBytes));
});

test('N19 TREE-46: a manifest that no release key signed is its source’s fault; the other source gives it', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(4_000_000);
  const manifest = Buffer.from(assignment.manifest);
  manifest.writeUInt8((manifest.at(-1) as number) ^ 1, manifest.length - 1);
  const forger = await runScriptedSource(t, ccm, 'gl-1', { ...assignment, manifest });
  const honest = await runScriptedSource(t, ccm, 'gl-2', assignment);
  const leader = await start('gl-3');
  handOut(leader, assignment, sourcesFrom(forger, honest));
  await until('the CCM is told', () => lostOf(leader).length > 0);
  assert.deepEqual(lostOf(leader), [['gl-1', 'corrupt']]);
  assert.deepEqual(forger.asked, []);
  handOut(leader, assignment, sourcesFrom(null, honest), { number: 2 });
  ccm.assignments.set(assignment.header.id, assignment);
  await until('it is held', () => stateOf(leader) === 'held');
  hasExactly(leader, assignment);
  assert.ok(ccm.served() < 0.6 * assignment.data.length, 'the other part came from where it had begun');
});

test('N46 TREE-47: a silent source that has no more is waited for, one that has and does not give is slow, one that does not answer is dead', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(3_000_000);
  const few = (index: number): boolean => index < 4;
  const source = await runScriptedSource(t, ccm, 'gl-1', assignment, { gives: few, says: few });
  const leader = await start('gl-3');
  handOut(leader, assignment, sourcesFrom(source));
  await until('it was asked several times', () => source.probes() >= 3);
  assert.deepEqual(lostOf(leader), []);
  source.behave({ gives: (index) => index < 8 });
  await until('what it found goes on', () => heldBy(leader) === 8);
  source.behave({ says: () => true });
  await until('the CCM is told', () => lostOf(leader).length > 0);
  const dead = await runScriptedSource(t, ccm, 'gl-2', assignment, { gives: few, says: undefined });
  handOut(leader, assignment, sourcesFrom(dead), { number: 2 });
  await until('again', () => lostOf(leader).length > 1);
  assert.deepEqual(lostOf(leader), [
    ['gl-1', 'slow'],
    ['gl-2', 'unreachable'],
  ]);
  assert.equal(heldBy(leader), 8);
  const honest = await runScriptedSource(t, ccm, 'gl-4', assignment);
  handOut(leader, assignment, sourcesFrom(honest), { number: 3 });
  await until('it is held', () => stateOf(leader) === 'held');
  hasExactly(leader, assignment);
  assert.ok(honest.asked.every(([first]) => first >= 8 * blockBytes));
});

test('N46 TREE-42: a source that lives and never has more lacks it in the end', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(3_000_000);
  const few = (index: number): boolean => index < 4;
  const source = await runScriptedSource(t, ccm, 'gl-1', assignment, { gives: few, says: few });
  const leader = await start('gl-3');
  handOut(leader, assignment, sourcesFrom(source));
  await until('the CCM is told', () => lostOf(leader).length > 0);
  assert.deepEqual(lostOf(leader), [['gl-1', 'lacks']]);
  assert.ok(source.probes() >= 3, 'it was waited for');
});

test('N46 TREE-46: who does not have it lacks it, who does not take the ticket refuses, whom nobody reaches is unreachable', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(300_000);
  const without = await start('gl-1');
  const leader = await start('gl-3');
  handOut(leader, assignment, sourcesFrom(placeOf(without)));
  await until('it lacks it', () => lostOf(leader).length === 1);
  const refusing = await runScriptedSource(t, ccm, 'gl-2', assignment, { status: 403 });
  handOut(leader, assignment, sourcesFrom(refusing), { number: 2 });
  await until('it refuses', () => lostOf(leader).length === 2);
  const ticket = kitTicket({ assignment: assignment.header.id, fetcher: 'gl-3', expiresAt: nowMs - 1 });
  handOut(leader, assignment, sourcesFrom(placeOf(without)), { number: 3, ticket });
  await until('the ticket has expired', () => lostOf(leader).length === 3);
  const foreign = kitTicket({ assignment: assignment.header.id, fetcher: 'gl-9' });
  handOut(leader, assignment, sourcesFrom(placeOf(without)), { number: 4, ticket: foreign });
  await until('the ticket is another’s', () => lostOf(leader).length === 4);
  refusing.stop();
  handOut(leader, assignment, sourcesFrom(refusing), { number: 5 });
  await until('it is gone', () => lostOf(leader).length === 5);
  // Whoever answers there is not whom the CCM named.
  handOut(leader, assignment, sourcesFrom({ node: 'gl-8', port: placeOf(without).port }), { number: 6 });
  await until('another one is there', () => lostOf(leader).length === 6);
  assert.deepEqual(
    lostOf(leader).map(([, trouble]) => trouble),
    ['lacks', 'refused', 'refused', 'refused', 'unreachable', 'unreachable'],
  );
});

test('N62 TREE-48: of two sources the one that gives far less is called slow once, and another goes on with its part', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(24_000_000);
  const slow = await runScriptedSource(t, ccm, 'gl-1', assignment, { pauseMs: 400 });
  const fast = await runScriptedSource(t, ccm, 'gl-2', assignment, { pauseMs: 30 });
  const leader = await start('gl-3');
  handOut(leader, assignment, sourcesFrom(slow, fast));
  await until('the CCM is told', () => lostOf(leader).length > 0);
  assert.deepEqual(lostOf(leader), [['gl-1', 'slow']]);
  const other = await runScriptedSource(t, ccm, 'gl-4', assignment);
  const askedBefore = fast.asked.length;
  handOut(leader, assignment, sourcesFrom(other, fast), { number: 2 });
  await until('it is held', () => stateOf(leader) === 'held');
  hasExactly(leader, assignment);
  assert.ok(fast.asked.length >= askedBefore);
  const bytes = lastState(leader).figures.reduce((sum, each) => sum + each.bytes, 0);
  assert.ok(bytes < 1.02 * (assignment.data.length + assignment.manifest.length), `${bytes}`);
});

test('N46 TREE-47: a source that only ever asks for patience, or whose manifest comes drop by drop, is given up', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(300_000);
  const busy = await runScriptedSource(t, ccm, 'gl-1', assignment, { status: 503 });
  const leader = await start('gl-3');
  handOut(leader, assignment, sourcesFrom(busy));
  await until('the CCM is told', () => lostOf(leader).length === 1);
  const dripping = await runScriptedSource(t, ccm, 'gl-2', assignment, { drips: true });
  handOut(leader, assignment, sourcesFrom(dripping), { number: 2 });
  await until('again', () => lostOf(leader).length === 2);
  assert.deepEqual(lostOf(leader), [
    ['gl-1', 'lacks'],
    ['gl-2', 'slow'],
  ]);
});

test('X19 N46 TREE-47: under a limit that lets a block through in longer than a slow source has, blocks come all the same', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(300_000);
  ccm.assignments.set(assignment.header.id, assignment);
  const limited = await start('gl-1');
  handOut(limited, assignment, sourcesFrom(null));
  await until('one holds it', () => stateOf(limited) === 'held');
  const wan = { segment: { mbit: 1, hours: [] }, sites: {} };
  limited.leader.receive({ type: 'leaderLimits', segment: null, sites: {}, wan });
  const leader = await start('gl-3', { treeTimes: { ...fastTimes, blockMs: 400 } });
  let number = 0;
  // The CCM knows of no better one.
  const again = (): void => {
    if (lostOf(leader).length < number) return;
    number += 1;
    handOut(leader, assignment, sourcesFrom(placeOf(limited)), { number });
  };
  await until('it is held', () => {
    again();
    return stateOf(leader) === 'held';
  });
  assert.ok(number > 1, 'it was called slow at first');
  hasExactly(leader, assignment);
});

test('TREE-45: a source that has no manifest yet does not keep the other one from giving it, and its part', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(2_000_000);
  const waiting = await start('gl-1');
  expectIt(waiting, assignment);
  const holder = await runScriptedSource(t, ccm, 'gl-2', assignment);
  const leader = await start('gl-3', { treeTimes: { ...fastTimes, starveMs: 60_000 } });
  handOut(leader, assignment, sourcesFrom(placeOf(waiting), holder));
  await until('the other part is here', () => heldBy(leader) === 8);
  assert.deepEqual(lostOf(leader), []);
  handOut(waiting, assignment, sourcesFrom(holder));
  await until('it is held', () => stateOf(leader) === 'held');
  hasExactly(leader, assignment);
});
