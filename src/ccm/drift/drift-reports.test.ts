// What nodes tell of changed files: who is told of the policy, what becomes an event, and what resources show.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driftProfile } from '../../model/messages.ts';
import type { EventInput } from '../registry/event-log.ts';
import { createDriftReports } from './drift-reports.ts';

function reports() {
  const events: EventInput[] = [];
  const warnings: unknown[] = [];
  const drift = createDriftReports({
    events: { append: (event) => events.push(event) as never },
    state: { sites: new Map([['docs', { members: new Set(['web1']) }]]) },
    logger: { warn: (facts: unknown) => void warnings.push(facts) },
  });
  return { events, drift, warnings };
}

const page = { path: 'index.html', problem: 'content', since: 1_000 } as const;
const tool = { path: 'tool', problem: 'mode', since: 2_000 } as const;

test('LINK-22 N66 only an agent whose hello says so is told of the policy; what it says last counts', () => {
  const { drift } = reports();
  drift.connected('web1', { profiles: ['linux-web-1'] });
  assert.equal(drift.understands('web1', driftProfile), false);
  drift.connected('web1', { profiles: ['linux-web-1', driftProfile] });
  assert.equal(drift.understands('web1', driftProfile), true);
  drift.connected('web1', { profiles: ['linux-web-1'] });
  assert.equal(drift.understands('web1', driftProfile), false);
});

test('N44 what is new and what was put right becomes an event, once; the rest is shown with its beginning', () => {
  const { events, drift } = reports();
  const base = { type: 'drift', site: 'docs', mended: [], passedAt: null } as const;
  drift.report('web1', { ...base, paths: [page], count: 1 });
  drift.report('web1', { ...base, paths: [page, tool], count: 2 });
  drift.report('web1', { ...base, paths: [page, tool], count: 2, passedAt: 5_000 });
  const pathsOf = ({ data = {} }: EventInput) =>
    (data['paths'] as { path: string }[]).map(({ path }) => path);
  assert.deepEqual(
    events.map((event) => [event.kind, event.node, pathsOf(event)]),
    [
      ['node.drifted', 'web1', ['index.html']],
      ['node.drifted', 'web1', ['tool']],
    ],
  );
  assert.equal(drift.of('web1', 'docs')?.since, '1970-01-01T00:00:01.000Z');
  assert.equal(drift.passedAt('web1', 'docs'), '1970-01-01T00:00:05.000Z');
  drift.report('web1', { ...base, paths: [], count: 0, mended: [{ path: 'tool', problem: 'mode' }] });
  assert.equal(drift.of('web1', 'docs'), undefined);
  assert.equal(events.at(-1)?.kind, 'node.mended');
});

test('KEYS-7 what a removed node said is nothing that its name is known for when it joins anew', () => {
  const { events, drift } = reports();
  const report = {
    type: 'drift',
    site: 'docs',
    paths: [page],
    count: 1,
    mended: [],
    passedAt: 5_000,
  } as const;
  drift.connected('web1', { profiles: [driftProfile] });
  drift.report('web1', report);
  drift.removed('web1');
  assert.equal(drift.understands('web1', driftProfile), false);
  assert.deepEqual([drift.of('web1', 'docs'), drift.passedAt('web1', 'docs')], [undefined, undefined]);
  drift.report('web1', report);
  assert.equal(events.length, 2, 'the new one has found it itself');
});

test('a node that is no member has no say, and a lying clock or count breaks nothing', () => {
  const { events, drift, warnings } = reports();
  const report = {
    type: 'drift',
    site: 'docs',
    paths: [page],
    count: 1,
    mended: [],
    passedAt: null,
  } as const;
  drift.report('web2', report);
  assert.equal(warnings.length, 1);
  assert.deepEqual([drift.of('web2', 'docs'), events.length], [undefined, 0]);
  drift.report('web1', { ...report, paths: [], count: 7, passedAt: Number.MAX_SAFE_INTEGER });
  assert.equal(drift.of('web1', 'docs')?.count, 7);
  assert.equal(typeof drift.passedAt('web1', 'docs'), 'string');
});
