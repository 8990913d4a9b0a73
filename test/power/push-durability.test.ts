// A push that is told as accepted survives a power cut: what Git and the CCM do to the repository before the job of a push is made, by a
// log of the calls of the process and its children. Needs strace, and root to attach it.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { startTestServer } from '../../src/git-source/endpoint/test-server.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { logFileSystemCalls } from './file-system-calls.ts';
import { unsyncedAfter } from './unsynced.ts';

for (const [what, files] of [
  ['few objects', 3],
  ['a pack', 300],
] as const) {
  testNeeding(
    ['strace', 'root'],
    `PUSH-50 of a push of ${what} everything is durable, names too, before its job is made`,
    async (t) => {
      const mark = () => statSync(server.author);
      const server = await startTestServer(t, {
        authority: {
          async *afterRefs() {
            mark();
            yield 'live 3/3';
          },
        },
      });
      await server.commit(
        Object.fromEntries(Array.from({ length: files }, (_, n) => [`d${n}/${n}`, `file ${n}`])),
      );
      const log = await logFileSystemCalls(process.pid);
      t.after(() => log.stop());
      const { exitCode, stderr } = await server.git(server.author, 'push', server.url, 'main');
      const calls = await log.stop();
      assert.equal(exitCode, 0, stderr);
      const marked = calls.findIndex(({ call, paths }) => call === 'statx' && paths[0] === server.author);
      assert.ok(marked > 0, 'the job was made');
      const before = calls.slice(0, marked);
      const isRef = ({ call, paths }: (typeof calls)[number]) =>
        call.startsWith('rename') && paths[1] === join(server.repositoryPath, 'refs/heads/main');
      const moved = before.findIndex(isRef);
      assert.ok(moved > 0, 'the ref moved');
      // Not what Git makes for the length of a push: its quarantine, the lock of HEAD, and the mark that keeps a pack from being repacked.
      const ours = (path: string) =>
        path.startsWith(`${server.repositoryPath}/`) && !/\/incoming-|\.keep$/.test(path);
      // The contents of what the ref leads to are durable before it moves.
      assert.deepEqual([...unsyncedAfter(before.slice(0, moved)).contents].filter(ours), []);
      const { contents, entries } = unsyncedAfter(before);
      assert.deepEqual([...contents].filter(ours), []);
      assert.deepEqual([...entries].filter(ours), []);
    },
  );
}
