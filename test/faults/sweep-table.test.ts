// The sweep's table is whole: every failpoint of the source is in it once, and every name in it is in the source.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { jobTypes } from '../lab/sweep/job-types.ts';
import { benchOnly, casesOf } from '../lab/sweep/sweep-cases.ts';
import { initFailpoints, struckElsewhere, sweepTable } from '../lab/sweep/sweep-table.ts';
import { failpointsInSource } from './failpoints-in-source.ts';

test('every failpoint in the source is in the table, once, and none that is gone', () => {
  const listed = [...sweepTable.flatMap(({ failpoints }) => failpoints), ...Object.keys(struckElsewhere)];
  assert.deepEqual(
    listed.toSorted(),
    failpointsInSource()
      .map(({ name }) => name ?? '')
      .toSorted(),
  );
});

test('what no kind of work passes is struck by the test that the table names', () => {
  const root = new URL('../../', import.meta.url);
  for (const [name, path] of Object.entries(struckElsewhere)) {
    const text = readFileSync(new URL(path, root), 'utf8');
    assert.match(text, /TREECAST_FAILPOINT: /, path);
    const isNamed = text.includes(`'${name}'`);
    const isOfInit = text.includes('of initFailpoints') && initFailpoints.includes(name);
    assert.ok(isNamed || isOfInit, `${path} does not name ${name}`);
  }
});

test('every row is struck each day and every failpoint by the bench, and every row says why it is not passed elsewhere', () => {
  const daily = new Set(
    jobTypes.filter((type) => !benchOnly.includes(type)).flatMap((type) => casesOf(type, 'daily')),
  );
  const all = new Set(jobTypes.flatMap((type) => casesOf(type, 'all')));
  for (const { failpoints, passedIn, variesIn = [], elsewhere } of sweepTable) {
    const isForBench = passedIn.every((type) => benchOnly.includes(type));
    assert.ok(
      isForBench || failpoints.some((name) => daily.has(name)),
      `${failpoints.join()}: none is struck each day`,
    );
    for (const name of failpoints) assert.ok(all.has(name), `${name} is struck nowhere`);
    const isEverywhere = jobTypes.every((type) => passedIn.includes(type) || variesIn.includes(type));
    assert.ok(isEverywhere || elsewhere !== '', `${failpoints.join()}: no reason`);
    for (const type of variesIn)
      assert.ok(!passedIn.includes(type), `${failpoints.join()}: ${type} is named twice`);
  }
});
