// The sweep's table is whole: every failpoint of the source is in it once, and every name in it is in the source.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobTypes } from '../lab/sweep/job-types.ts';
import { casesOf } from '../lab/sweep/sweep-cases.ts';
import { initOnly, onlyAgain, sweepTable } from '../lab/sweep/sweep-table.ts';
import { failpointsInSource } from './failpoints-in-source.ts';

test('every failpoint in the source is in the table, once, and none that is gone', () => {
  const listed = [...sweepTable.flatMap(({ failpoints }) => failpoints), ...initOnly, ...onlyAgain];
  assert.deepEqual(
    listed.toSorted(),
    failpointsInSource()
      .map(({ name }) => name ?? '')
      .toSorted(),
  );
});

test('every failpoint is struck each day, and every row says why it is not passed elsewhere', () => {
  const daily = new Set(jobTypes.flatMap((type) => casesOf(type, 'daily')));
  for (const { failpoints, passedIn, variesIn = [], elsewhere } of sweepTable) {
    for (const name of failpoints) assert.ok(daily.has(name), `${name} is struck nowhere`);
    const isEverywhere = jobTypes.every((type) => passedIn.includes(type) || variesIn.includes(type));
    assert.ok(isEverywhere || elsewhere !== '', `${failpoints.join()}: no reason`);
    for (const type of variesIn)
      assert.ok(!passedIn.includes(type), `${failpoints.join()}: ${type} is named twice`);
  }
});
