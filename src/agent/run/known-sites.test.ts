import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { grant } from '../testing/site-in-store.ts';
import { openKnownSites } from './known-sites.ts';

test('grants that could not be written, as on a full disk, are written the next time, though they are the same', async (t) => {
  const directory = temporaryDirectory(t);
  const known = openKnownSites(directory);
  const said = { releaseKeys: [], grants: [grant] };
  await assert.rejects(known.write(said), { code: 'ENOENT' });
  mkdirSync(join(directory, 'identity'));
  await known.write(said);
  const { grants } = await openKnownSites(directory).read();
  assert.deepEqual(
    grants.map(({ site }) => site),
    [grant.site],
  );
});
