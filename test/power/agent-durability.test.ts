// What a real agent process does to its disk for a publish and a rollback, by a log of its calls: nothing is told to the CCM that a power
// cut could take back, and no step begins before what it builds on is durable. Needs strace, and root to attach it.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { startFleet } from '../e2e/support/fleet.ts';
import { createAuthor } from '../lab/author.ts';
import { type FileSystemCall, logFileSystemCalls } from './file-system-calls.ts';
import { unsyncedAfter } from './unsynced.ts';

/** Receipts are longer than whatever else an agent says while it publishes. */
const receiptBytesMin = 200;

function isReceipt({ call, text, result }: FileSystemCall): boolean {
  return (
    /^(?:write|writev|sendto|sendmsg)$/.test(call) &&
    /^\d+<(?:TCP|socket)/.test(text) &&
    result >= receiptBytesMin
  );
}

testNeeding(
  ['strace', 'root'],
  'STG-1, STG-5, STG-7, STG-8, STG-14: the order of an agent’s writes, names, syncs and words',
  async (t) => {
    const fleet = await startFleet({ agents: 1 });
    t.after(() => fleet.stop());
    const author = await createAuthor();
    t.after(() => author.remove());
    await author.write('index.html', 'first');
    await author.write('a/b/page.html', 'a page');
    await author.commit();
    await author.push(fleet.gitUrl());
    const pid = fleet.up.agentPids().get('node1');
    assert.ok(pid !== undefined);
    const site = join(fleet.directory, 'agents', 'node1', 'sites', 'sample');
    // What the first publish leaves to the background is done: three trees, and room kept.
    await until('the background is done', () => {
      const names = [...readdirSync(site), ...readdirSync(join(site, 'trees'))];
      return (
        names.filter((name) => /^(?:\d+-\d+|spare-\d+|live\.spare|state\.json\.spare)$/.test(name)).length ===
        5
      );
    });
    const log = await logFileSystemCalls(pid);
    t.after(() => log.stop());
    await author.write('index.html', 'second');
    await author.write('a/b/more.html', 'more');
    await author.commit();
    assert.match((await author.push(fleet.gitUrl())).stderr, /staged 1\/1 {2}live 1\/1/);
    assert.equal((await fleet.treecast('rollback', 'sample')).code, 0);
    const calls = await log.stop();

    // index.db is derived and written without syncs, room that is kept has no contents, temporaries go with their directory.
    const matters = (path: string) =>
      (path === site || path.startsWith(`${site}/`)) && !/\/index\.db|\.spare$|\/trees\/\.work$/.test(path);
    const lostAt = (index: number) => {
      const { contents, entries } = unsyncedAfter(calls.slice(0, index));
      return [...contents, ...entries].filter(matters);
    };
    const find = (from: number, what: string, test: (call: FileSystemCall) => boolean): number => {
      const index = calls.findIndex((call, at) => at >= from && test(call));
      assert.ok(
        index >= 0,
        `${what} is not in the log after call ${from}:\n${calls.map(({ call, text }) => `${call} ${text}`).join('\n')}`,
      );
      return index;
    };
    const isNamed = (target: string) => (call: FileSystemCall) =>
      call.call.startsWith('rename') && call.paths[1] === join(site, target);
    const isSlotRename = ({ call, paths: [from = '', to = ''] }: FileSystemCall) =>
      call.startsWith('rename') && from.startsWith(`${site}/trees/`) && /\/trees\/\d+-\d+$/.test(to);
    const isWriteInto = (slot: string) => (call: FileSystemCall) =>
      (call.text.includes('O_CREAT') || call.call.startsWith('rename')) &&
      call.paths.some((path) => path.startsWith(`${slot}/`));

    const begun = find(0, 'the journal', isNamed('state.json'));
    assert.deepEqual(
      lostAt(begun).filter((path) => path.includes('state.json')),
      [],
      'STG-8: its contents are durable before its name',
    );
    const renamed = find(begun, 'the slot’s new name', isSlotRename);
    assert.deepEqual(
      lostAt(renamed),
      [],
      'STG-1, STG-5: slot, lag and names are durable before the slot is renamed',
    );
    const written = find(renamed + 1, 'the first write', isWriteInto(calls[renamed]?.paths[1] as string));
    assert.deepEqual(lostAt(written), [], 'STG-5: and its name before anything is written into it');
    const staged = find(written, 'the receipt of staging', isReceipt);
    assert.deepEqual(
      lostAt(staged),
      [],
      'STG-7: everything of the release is durable before `staged` is sent',
    );
    const moved = find(staged, 'the switch', isNamed('live'));
    const switched = find(moved, 'the receipt of the switch', isReceipt);
    assert.deepEqual(
      lostAt(switched),
      [],
      'STG-14: the directory of `live` is durable before `switched` is sent',
    );
    const back = find(switched, 'the way back', isNamed('live'));
    const told = find(back, 'its receipt', isReceipt);
    const between = lostAt(told).filter((path) => path === site || path.startsWith(`${site}/state.json`));
    assert.deepEqual(between, [], 'STG-14: so for a rollback');
  },
);
