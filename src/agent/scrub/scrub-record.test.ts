// The record of re-reading where somebody else had a hand in its directory (STG-32).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../net/clock.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createScrubRecord } from './scrub-record.ts';

test('STG-32 a pipe, a link or a file without end in its place counts as no record, and is replaced, not written', async (t) => {
  const directory = temporaryDirectory(t);
  const [file, outside] = [join(directory, 'scrub.json'), join(directory, 'outside')];
  const passed = { version: 1, began: 1, after: null, passedAt: 2, drifted: [] };
  for (const make of [
    () => execFileSync('mkfifo', [file]),
    () => fs.symlinkSync(outside, file),
    () => {
      fs.writeFileSync(file, '{');
      fs.truncateSync(file, 2 ** 40);
    },
    () => fs.linkSync(outside, `${file}.${process.pid}.tmp`),
  ]) {
    fs.rmSync(file, { force: true });
    fs.writeFileSync(outside, JSON.stringify(passed));
    make();
    const record = createScrubRecord(file, systemClock);
    await record.load();
    assert.equal(record.state().passedAt, null);
    record.change({ passedAt: 3 });
    await record.flush();
    assert.deepEqual(JSON.parse(fs.readFileSync(outside, 'utf8')), passed);
    const again = createScrubRecord(file, systemClock);
    await again.load();
    assert.equal(again.state().passedAt, 3);
  }
});
