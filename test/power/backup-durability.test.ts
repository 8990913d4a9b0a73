// A backup that is told as made survives a power cut: what `backUpCcm` does to its directory, by a log of the calls of the process and
// its children. Needs strace, and root to attach it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { backUpCcm } from '../../src/ccm/backup-ccm.ts';
import { openDatabase } from '../../src/ccm/db/open-database.ts';
import { temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { logFileSystemCalls } from './file-system-calls.ts';
import { unsyncedAfter } from './unsynced.ts';

testNeeding(
  ['strace', 'root'],
  'everything of a backup is durable before it has its name, and the name before it is told',
  async (t) => {
    const directory = temporaryDirectory(t);
    const ccm = join(directory, 'ccm');
    const objects = join(ccm, 'repositories', 'docs.git', 'objects', 'ab');
    for (const path of [join(ccm, 'keys'), objects]) mkdirSync(path, { recursive: true });
    for (const path of [join(ccm, 'keys', 'release-key.pem'), join(ccm, 'ccm.yaml'), join(objects, 'cd')])
      writeFileSync(path, randomBytes(10_000));
    (await openDatabase(join(ccm, 'ccm.db'))).close();
    const target = join(directory, 'backup');
    const log = await logFileSystemCalls(process.pid);
    t.after(() => log.stop());
    await backUpCcm(ccm, target);
    const calls = await log.stop();

    const named = calls.findIndex(({ call, paths }) => call.startsWith('rename') && paths[1] === target);
    assert.ok(named > 0, 'it has its name');
    const ours = (path: string) => path.startsWith(`${target}.partial`);
    const written = new Set(calls.slice(0, named).flatMap(({ paths }) => paths.filter(ours)));
    assert.ok(written.size >= 10, [...written].join());
    const before = unsyncedAfter(calls.slice(0, named));
    assert.deepEqual([...before.contents, ...before.entries].filter(ours), []);
    const told = unsyncedAfter(calls);
    const theirs = (path: string) => path === directory || path.startsWith(target);
    assert.deepEqual([...told.contents, ...told.entries].filter(theirs), []);
  },
);
