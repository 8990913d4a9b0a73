// What is measured of leaders: from which figures, how it is smoothed, and that it is kept.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TransferFigures } from '../../model/tree-messages.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { ccmCoordinates } from '../../protocol/tree/move-coordinates.ts';
import { distanceMs } from '../../protocol/tree/nearest.ts';
import { openDatabase } from '../db/open-database.ts';
import { temporaryRegistry } from '../registry/testing/temporary-registry.ts';
import { createLeaderMeasures } from './leader-measures.ts';
import { blocks, treeFixture, work } from './testing/tree-fixture.ts';

/** 10 MB in a second. */
const figures = (node: string | null, more: Partial<TransferFigures> = {}): TransferFigures => ({
  node,
  bytes: 10_000_000,
  ms: 1_000,
  delayMs: null,
  ...more,
});

async function measuring() {
  const { database } = await temporaryRegistry();
  const clock = createManualClock();
  const health: { waitsFor: unknown } = { waitsFor: undefined };
  const errors: unknown[] = [];
  const create = () =>
    createLeaderMeasures({
      ...{ database, health, clock, random: () => 0.5 },
      onError: (error) => errors.push(error),
    });
  const rows = () => database.all(database.queries.selectFrom('leader_measures').selectAll().orderBy('node'));
  return { measures: create(), create, clock, health, rows, errors };
}

test('TREE-98 R6.1: rates and reliability come from transfers, what a source gave to several at once is added up, little says nothing', async () => {
  const { measures, clock } = await measuring();
  measures.fetched('a', [figures('s')]);
  assert.equal(measures.of('a').downBytesPerSecond, 10_000_000);
  assert.equal(measures.of('s').upBytesPerSecond, 10_000_000);
  // At the same time: 20 MB/s together, of which the half counts at once.
  measures.fetched('b', [figures('s')]);
  assert.equal(measures.of('s').upBytesPerSecond, 15_000_000);
  clock.advance(10_000);
  measures.fetched('c', [figures('s', { bytes: 5_000_000 })]);
  assert.equal(measures.of('s').upBytesPerSecond, 13_000_000, 'slower counts a fifth');
  measures.fetched('c', [figures('t', { bytes: 999_999 })]);
  assert.equal(measures.of('t').upBytesPerSecond, null);
  measures.troubled('s');
  assert.deepEqual([measures.of('s').done, measures.of('s').failed], [3, 1]);
  // Two parts at once, each at half of the link's rate.
  measures.fetched('d', [figures('s'), figures('t')]);
  assert.equal(measures.of('d').downBytesPerSecond, 20_000_000);
});

test('TREE-98: delays are smoothed, and the first is taken as it is', async () => {
  const { measures } = await measuring();
  measures.delayed('a', 40);
  measures.fetched('a', [figures(null, { delayMs: 80 })]);
  assert.equal(measures.of('a').delayMs, 50);
});

test('TREE-12 TREE-98: leaders have coordinates from delays to the CCM and to each other, which come near what was measured', async () => {
  const { measures } = await measuring();
  assert.equal(measures.of('a').coordinates, null);
  measures.fetched('b', [figures('a', { delayMs: 5 })]);
  assert.equal(measures.of('b').coordinates, null, 'a source without coordinates says nothing');
  for (let round = 0; round < 100; round += 1) {
    measures.delayed('a', 50);
    measures.delayed('b', 50);
    measures.fetched('b', [figures('a', { delayMs: 5 })]);
  }
  const [a, b] = [measures.of('a').coordinates, measures.of('b').coordinates];
  assert.ok(a !== null && b !== null);
  assert.ok(distanceMs(a, b) < 25, `${distanceMs(a, b)} ms between them`);
  assert.ok(Math.abs(distanceMs(a, ccmCoordinates) - 50) < 15);
});

test('TREE-98: it is written some seconds later, all at once, and read at the next start; not while nothing can be written', async () => {
  const { measures, create, clock, rows, health } = await measuring();
  measures.fetched('a', [figures('s')]);
  measures.delayed('a', 7);
  assert.deepEqual(rows(), []);
  clock.advance(5_000);
  assert.deepEqual(
    rows().map(({ node, up_bytes_per_second: up, delay_ms: delayMs }) => [node, up, delayMs]),
    [
      ['a', null, 7],
      ['s', 10_000_000, null],
    ],
  );
  assert.deepEqual(create().of('s'), measures.of('s'));
  health.waitsFor = new Error('the disk is full');
  measures.forget('s');
  clock.advance(60_000);
  assert.equal(rows().length, 2);
  health.waitsFor = undefined;
  clock.advance(5_000);
  assert.deepEqual(
    rows().map(({ node }) => node),
    ['a'],
  );
  measures.troubled('a');
  measures.close();
  assert.equal(rows()[0]?.failed, 1, 'what is not written yet is at the end');
  assert.deepEqual(clock.waiting(), []);
});

test('TREE-98: figures of sources that nobody named, said again, or of more than there is, count for nothing', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1');
  fixture.lead('l2');
  fixture.trees.expect(work, ['l1', 'l2']);
  const figure = figures(null, { bytes: work.dataBytes, delayMs: 30 });
  const wrong = [figures('l2'), figures('nobody'), figures(null, { bytes: work.dataBytes * 2 })];
  fixture.state('l1', { state: 'held', figures: wrong });
  assert.equal(fixture.measures.of('l1').downBytesPerSecond, null);
  assert.equal(fixture.measures.of('l2').upBytesPerSecond, null);
  fixture.state('l1', { state: 'held', figures: [figure] });
  const measured = fixture.measures.of('l1');
  assert.equal(measured.delayMs, 30);
  fixture.state('l1', { state: 'held', figures: [{ ...figure, delayMs: 90 }] });
  assert.deepEqual(fixture.measures.of('l1'), measured);
  fixture.next('l1', { heldBlocks: blocks });
  assert.equal(fixture.handOut('l2')?.sources[0]?.node, 'l1');
  for (let repeat = 0; repeat < 2; repeat += 1) fixture.lost('l2', { source: 'l1', trouble: 'corrupt' });
  fixture.lost('l2', { source: 'nobody', trouble: 'corrupt' });
  assert.equal(fixture.measures.of('l1').failed, 1);
  assert.equal(fixture.measures.of('nobody').failed, 0);
});

test('N76: killed behind the write, the CCM has what was measured at its next start', async (t) => {
  const path = join(temporaryDirectory(t), 'ccm.db');
  const program = `
    const from = (path) => import(${JSON.stringify(`${import.meta.dirname}/`)} + path);
    const { openDatabase } = await from('../db/open-database.ts');
    const { createLeaderMeasures } = await from('leader-measures.ts');
    const { systemClock } = await from('../../net/clock.ts');
    const database = await openDatabase(${JSON.stringify(path)});
    const measures = createLeaderMeasures({ database, health: {}, clock: systemClock, random: () => 0.5, onError(error) { throw error; } });
    measures.delayed('web1', 12);
    measures.flush();`;
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, TREECAST_FAILPOINT: 'ccm.tree.measured' },
  });
  assert.equal(signal, 'SIGKILL');
  const database = await openDatabase(path);
  t.after(() => database.close());
  const rows = database.all(database.queries.selectFrom('leader_measures').selectAll());
  assert.deepEqual(
    rows.map(({ node, delay_ms: delayMs }) => [node, delayMs]),
    [['web1', 12]],
  );
});

test('TREE-98: measures of very many are written a few at a time, and the last ones with the stop', async () => {
  const { measures, clock, rows } = await measuring();
  for (let index = 0; index < 1_200; index += 1) measures.delayed(`n${index}`, 20);
  clock.advance(5_000);
  assert.equal(rows().length, 500);
  clock.advance(50);
  assert.equal(rows().length, 1_000);
  measures.close();
  assert.equal(rows().length, 1_200);
});
