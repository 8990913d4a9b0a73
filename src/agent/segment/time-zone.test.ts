import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { timeZone } from './time-zone.ts';

test('R5.4: the time zone is that of the environment, else of /etc/localtime, else UTC', (t) => {
  const link = join(temporaryDirectory(t), 'localtime');
  assert.equal(timeZone({}, link), 'UTC');
  symlinkSync('/usr/share/zoneinfo/America/Argentina/Ushuaia', link);
  assert.equal(timeZone({}, link), 'America/Argentina/Ushuaia');
  assert.equal(timeZone({ TZ: ':Europe/Berlin' }, link), 'Europe/Berlin');
  assert.equal(timeZone({ TZ: '../../etc/passwd' }, link), 'America/Argentina/Ushuaia');
});
