// One rule at a time, participants and collector on a small LAN; what faults make of all of them together is reports.chaos.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportTiming } from './report-message.ts';
import { createReportLan } from './testing/report-lan.ts';

test('RPT-2 RPT-3 RPT-8: all report, spread in time; nobody is asked, and the round ends with the last report', () => {
  const { lan, consolidated, sent, doneAll, nodes } = createReportLan({ participants: 100 });
  doneAll();
  lan.run(300);
  const [report] = consolidated();
  assert.deepEqual(
    report?.fact.consolidated.reported,
    nodes.map((node) => ({ node, report: `done ${node}` })),
  );
  assert.deepEqual(report?.fact.consolidated.requests, { toGroup: 0, toOne: 0 });
  assert.deepEqual([report?.fact.consolidated.missing, report?.fact.consolidated.working], [[], []]);
  const times = sent('report').map(({ at }) => at);
  assert.equal(times.length, 100);
  assert.ok(Math.max(...times) <= 200 && Math.max(...times) > 150 && Math.min(...times) < 50);
  lan.run(700_000);
  assert.equal(consolidated().length, 1);
  assert.equal(sent('report-request').length, 0);
});

test('RPT-4 RPT-5: few that are missing are asked alone, one after the other, and answer at once', () => {
  const { lan, consolidated, sent, doneAll, cut } = createReportLan({ participants: 100 });
  const lost = ['p010', 'p020', 'p030', 'p040'];
  for (const node of lost) cut(node);
  doneAll();
  lan.run(400);
  lan.heal();
  assert.equal(consolidated().length, 0);
  lan.run(600);
  assert.equal(consolidated()[0]?.fact.consolidated.reported.length, 100);
  const asked = sent('report-request');
  assert.deepEqual(
    asked.map(({ to }) => to),
    lost.map((node) => ({ node })),
  );
  assert.deepEqual(
    asked.map(({ at }) => Math.round(at - (asked[0]?.at ?? 0))),
    [0, 2, 4, 6],
  );
  assert.deepEqual(consolidated()[0]?.fact.consolidated.requests, { toGroup: 0, toOne: 4 });
});

test('RPT-4: above the share the group is asked by one request that names the fewer', () => {
  for (const [missing, named] of [
    [26, 'missing'],
    [60, 'received'],
  ] as const) {
    const { lan, consolidated, sent, doneAll, cut, nodes } = createReportLan({ participants: 100 });
    for (const node of nodes.slice(1, 1 + missing)) cut(node);
    doneAll();
    lan.run(400);
    lan.heal();
    lan.run(1000);
    const [request, ...others] = sent('report-request');
    assert.deepEqual(others, []);
    assert.deepEqual(request?.to, { group: true });
    const asked = request?.message.asked ?? { missing: [] };
    assert.deepEqual(
      named in asked && Object.values(asked)[0],
      named === 'missing' ? nodes.slice(1, 27) : ['p001', ...nodes.slice(61)],
    );
    assert.equal(request?.message.spreadMs, missing * 2);
    assert.equal(consolidated()[0]?.fact.consolidated.reported.length, 100);
    const answers = sent('report').slice(100);
    assert.equal(answers.length, missing, 'nobody answers who was not meant');
    assert.ok((answers.at(-1)?.at ?? 0) - (answers[0]?.at ?? 0) > missing, 'spread');
  }
});

test('RPT-7 RPT-8: who leaves all requests unanswered is missing; a report that comes after the end is told', () => {
  const { lan, consolidated, sent, doneAll, cut, facts, done } = createReportLan({ participants: 10 });
  lan.crash('p004');
  cut('p005');
  doneAll();
  lan.run(10_000);
  const [end] = consolidated();
  assert.deepEqual(end?.fact.consolidated.missing, ['p004', 'p005']);
  assert.equal(end?.fact.consolidated.reported.length, 8);
  assert.equal(sent('report-request').length, 2 * 5);
  assert.ok((end?.at ?? 0) >= 20 + 500 + 5 * 500 && (end?.at ?? 0) < 3100, `${end?.at}`);
  lan.heal();
  lan.input('p001', {
    collector: {
      input: 'message',
      from: 'p005',
      message: { type: 'report', round: 'r1', report: 'at last' },
    },
  });
  done('p005');
  lan.run(1000);
  assert.deepEqual(
    facts()
      .slice(1)
      .map(({ fact }) => fact),
    [{ fact: 'late', node: 'p005', report: 'at last' }],
  );
});

test('RPT-6: who is at work says so, is asked seldom, and is not missing for what it did not answer before', () => {
  const { lan, consolidated, sent, done, nodes } = createReportLan({ participants: 3 });
  done('p001');
  done('p002');
  lan.run(60_000);
  assert.equal(consolidated().length, 0);
  const asked = sent('report-request').length;
  assert.ok(asked >= 11 && asked <= 13, `${asked}`);
  for (let time = 0; time < 20; time++) {
    lan.pause('p003');
    lan.run(2000);
    lan.resume('p003');
    lan.run(1300);
  }
  assert.equal(consolidated().length, 0);
  assert.ok(
    sent('report-request').length - asked > 3 * reportTiming.requestsMax,
    'many were left unanswered',
  );
  done('p003');
  lan.run(100);
  assert.deepEqual(
    consolidated()[0]?.fact.consolidated.reported.map(({ node }) => node),
    nodes,
  );
});

test('RPT-8: after the longest time the round ends with those that are still at work', () => {
  const { lan, consolidated, done } = createReportLan({ participants: 3 });
  done('p001');
  lan.crash('p002');
  lan.run(601_000);
  const end = consolidated()[0]?.fact.consolidated;
  assert.deepEqual([end?.reported.length, end?.working, end?.missing], [1, ['p003'], ['p002']]);
});

test('RPT-1: a round without participants ends at once', () => {
  const { lan, consolidated } = createReportLan({ participants: 0 });
  lan.run(1);
  assert.deepEqual(consolidated()[0]?.fact.consolidated.reported, []);
});

test('RPT-9: the first report counts; strangers, other rounds and requests of others are nothing', () => {
  const { lan, consolidated, doneAll, sent } = createReportLan({ participants: 2 });
  const say = (from: string, round: string, report: string) =>
    lan.input('p001', { collector: { input: 'message', from, message: { type: 'report', round, report } } });
  say('p002', 'r0', 'other round');
  say('p009', 'r1', 'stranger');
  say('p002', 'r1', 'first');
  say('p002', 'r1', 'second');
  const message = { type: 'report-request', round: 'r1', asked: { missing: ['p002'] }, spreadMs: 0 } as const;
  lan.input('p002', { participant: { input: 'message', from: 'p009', message } });
  lan.input('p002', {
    participant: { input: 'message', from: 'p001', message: { ...message, round: 'r0' } },
  });
  lan.run(1);
  assert.deepEqual(sent('working'), []);
  doneAll();
  lan.run(100);
  assert.deepEqual(consolidated()[0]?.fact.consolidated.reported, [
    { node: 'p001', report: 'done p001' },
    { node: 'p002', report: 'first' },
  ]);
});

test('RPT-10: the next leader collects anew from all that it knows', () => {
  const { lan, consolidated, doneAll, sent, succeed, nodes } = createReportLan({ participants: 40 });
  doneAll();
  lan.run(30);
  lan.crash('p001');
  succeed('p002');
  lan.run(4000);
  const [end] = consolidated();
  assert.equal(end?.node, 'p002');
  assert.deepEqual(end?.fact.consolidated.missing, ['p001']);
  assert.deepEqual(
    end?.fact.consolidated.reported.map(({ node }) => node),
    nodes.slice(1),
  );
  for (const { to } of sent('report-request'))
    assert.deepEqual(to, { node: 'p001' }, 'the others say it again');
});

test('RPT-12: a collector that was paused reads before it asks or gives up', () => {
  const { lan, consolidated, doneAll, sent } = createReportLan({ participants: 50 });
  doneAll();
  lan.pause('p001');
  lan.run(700_000);
  lan.resume('p001');
  lan.run(1000);
  assert.equal(sent('report-request').length, 0);
  assert.equal(consolidated()[0]?.fact.consolidated.reported.length, 50);
});

test('RPT-5: one word answers all that was asked meanwhile, and none is put off by a later request', () => {
  const { lan, sent } = createReportLan({ participants: 2 });
  const ask = (spreadMs: number) => {
    const message = { type: 'report-request', round: 'r1', asked: { missing: ['p002'] }, spreadMs } as const;
    lan.input('p002', { participant: { input: 'message', from: 'p001', message } });
  };
  ask(1000);
  ask(0);
  ask(1000);
  lan.run(400);
  assert.deepEqual(
    sent('working').map(({ at }) => at),
    [0],
  );
});
