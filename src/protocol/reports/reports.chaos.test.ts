// Seeded: 1 to 200 participants with loss, duplicates, crashes, pauses and work of different length. A round always ends, nobody whose report arrived
// is missing, nobody is in two lists, and reports never come all at once. A seed that fails is told; replayed alone it fails again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportTiming } from './report-message.ts';
import { createReportLan } from './testing/report-lan.ts';

const tickMs = 50;

/** On average `tickMs / perReportMs` come within a tick, and duplicates; what is beyond is chance. */
const reportsMax = 3 * (tickMs / reportTiming.perReportMs);

function runRound(seed: number, participants: number): void {
  const lossShare = 0.1 * (seed % 4);
  const { lan, nodes, done, consolidated, sent, arrived } = createReportLan({
    ...{ participants, seed, lossShare, duplicateShare: 0.1 },
  });
  const at = `seed ${seed}, ${participants} participants`;
  const pick = (bound: number): number => Math.floor(lan.random() * bound);
  // All finish together, or each in its own time.
  const workMs = seed % 3 === 0 ? 0 : pick(20_000);
  const finish = nodes.map((node) => ({ node, doneAt: workMs * lan.random() }));
  finish.sort((left, right) => left.doneAt - right.doneAt);
  const crashed = new Set<string>();
  for (const { node, doneAt } of finish) {
    lan.run(Math.max(0, doneAt - lan.now));
    const dice = pick(20);
    if (dice === 0 && node !== 'p001') {
      lan.crash(node);
      crashed.add(node);
    } else if (dice === 1) {
      lan.pause(node);
      done(node);
    } else done(node);
    if (dice < 4) for (const each of nodes) lan.resume(each);
  }
  for (const each of nodes) lan.resume(each);
  const arrivedBefore = arrived().size;
  assert.ok(arrivedBefore <= participants);
  lan.run(reportTiming.endMs + 10_000);

  assert.equal(consolidated().length, 1, at);
  const end = consolidated()[0]?.fact.consolidated ?? assert.fail(at);
  const named = [...end.reported.map(({ node }) => node), ...end.working, ...end.missing];
  assert.deepEqual(named.sort(), nodes, at);
  for (const { node, report } of end.reported) assert.equal(report, `done ${node}`);
  const endedAt = consolidated()[0]?.at ?? 0;
  for (const [node, arrivedAt] of arrived())
    assert.equal(
      end.reported.some((each) => each.node === node),
      arrivedAt <= endedAt,
      `${at}: ${node} reported`,
    );
  // All requests of a row, or their answers, are lost by chance; whoever works long is asked in several rows.
  const share =
    (1 - (1 - lossShare) ** 2) ** reportTiming.requestsMax * (1 + workMs / reportTiming.workingMs);
  const lost = end.missing.filter((node) => !crashed.has(node));
  assert.ok(lost.length <= 2 + 2 * share * participants, `${at}: lost ${lost.join()}`);
  const { toGroup, toOne } = end.requests;
  assert.ok(toOne <= participants * (reportTiming.requestsMax + workMs / 1000), `${at}: ${toOne} requests`);
  assert.ok(toGroup <= reportTiming.requestsMax * (1 + workMs / 1000), `${at}: ${toGroup} requests`);

  const ticks = new Map<number, number>();
  for (const report of [...sent('report'), ...sent('working')]) {
    const tick = Math.floor(report.at / tickMs);
    ticks.set(tick, (ticks.get(tick) ?? 0) + 1);
  }
  assert.ok(Math.max(0, ...ticks.values()) <= reportsMax, `${at}: ${Math.max(...ticks.values())} in a tick`);
}

test('RPT-2 RPT-4 RPT-8 RPT-9: with loss, duplicates and crashes a round ends with everybody who reported, without an implosion', () => {
  for (let seed = 1; seed <= 120; seed++) runRound(seed, 1 + ((seed * 67) % 200));
});

test('RPT-8: rounds of 1, 2 and 3 end too', () => {
  for (let seed = 1; seed <= 150; seed++) runRound(seed, 1 + (seed % 3));
});
