// What a node remembers of its segment, over restarts and crashes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { unassignedSegment } from '../../model/segment.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { emptyBallot } from '../../protocol/election/claim.ts';
import { openSegmentMemory } from './segment-memory.ts';

const segment = 'ab'.repeat(16);
const other = 'cd'.repeat(16);
const undamaged = (cause: unknown): void => assert.fail(String(cause));

test('CHAN-7: the boot counter goes up with each life, over restarts', async (t) => {
  const directory = temporaryDirectory(t);
  const memory = await openSegmentMemory(directory, undamaged);
  assert.deepEqual([await memory.nextBoot(), await memory.nextBoot()], [1, 2]);
  assert.equal(await (await openSegmentMemory(directory, undamaged)).nextBoot(), 3);
});

test('CHAN-20: ballots are kept by segment, and never written over by an older term', async (t) => {
  const directory = temporaryDirectory(t);
  const memory = await openSegmentMemory(directory, undamaged);
  assert.deepEqual(memory.ballotOf(segment), emptyBallot);
  await memory.vote(segment, { term: 5, vote: 'web-1' });
  await memory.vote(other, { term: 2, vote: null });
  await memory.vote(segment, { term: 4, vote: 'web-2' });
  await memory.settle({ segment, preset: 'classic', timers: { reportMs: 30_000 } });
  const again = await openSegmentMemory(directory, undamaged);
  assert.deepEqual(again.ballotOf(segment), { term: 5, vote: 'web-1' });
  assert.deepEqual(again.ballotOf(other), { term: 2, vote: null });
  const { preset, timers } = again.current();
  assert.deepEqual([again.current().segment, preset, timers], [segment, 'classic', { reportMs: 30_000 }]);
  for (let index = 0; index < 40; index += 1)
    await again.vote(index.toString(16).padStart(32, '1'), emptyBallot);
  assert.ok((await openSegmentMemory(directory, undamaged)).ballotOf(segment) !== undefined);
});

test('CHAN-20: a damaged memory is begun anew, and that is said', async (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'segment'));
  for (const text of ['', '{', '{"version":2}', `{"version":1,"boot":-1}`]) {
    writeFileSync(join(directory, 'segment', 'segment.json'), text);
    let damaged = 0;
    const memory = await openSegmentMemory(directory, () => {
      damaged += 1;
    });
    assert.equal(damaged, 1);
    assert.equal(memory.current().segment, unassignedSegment);
    assert.equal(await memory.nextBoot(), 1);
  }
});

test('CHAN-18: what cannot be written is not known either, and the next write goes on', async (t) => {
  const directory = temporaryDirectory(t);
  const memory = await openSegmentMemory(directory, undamaged);
  await memory.vote(segment, { term: 1, vote: 'web-1' });
  const path = join(directory, 'segment');
  const { chmodSync, renameSync } = await import('node:fs');
  renameSync(path, `${path}-away`);
  await assert.rejects(memory.vote(segment, { term: 2, vote: 'web-2' }));
  assert.deepEqual(memory.ballotOf(segment), { term: 1, vote: 'web-1' });
  renameSync(`${path}-away`, path);
  chmodSync(path, 0o700);
  await memory.vote(segment, { term: 3, vote: 'web-3' });
  assert.deepEqual((await openSegmentMemory(directory, undamaged)).ballotOf(segment), {
    term: 3,
    vote: 'web-3',
  });
});

test('CHAN-20: killed right behind a write, a node has its vote; killed before, the one from before', (t) => {
  const directory = temporaryDirectory(t);
  const module = join(import.meta.dirname, 'segment-memory.ts');
  const vote = (term: number, failpoint: string): number | null => {
    const program = `
      const { openSegmentMemory } = await import(${JSON.stringify(module)});
      const memory = await openSegmentMemory(${JSON.stringify(directory)}, (cause) => { throw cause; });
      await memory.vote('${segment}', { term: ${term}, vote: 'web-1' });
    `;
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, TREECAST_FAILPOINT: failpoint },
    });
    assert.equal(signal, failpoint === '' ? null : 'SIGKILL', failpoint);
    const kept = JSON.parse(readFileSync(join(directory, 'segment', 'segment.json'), 'utf8')) as {
      ballots: { term: number }[];
    };
    return kept.ballots[0]?.term ?? null;
  };
  assert.equal(vote(1, ''), 1);
  assert.equal(vote(2, 'file.written'), 1);
  assert.equal(vote(3, 'file.renamed'), 3);
  assert.equal(vote(4, 'agent.segment.remembered'), 4);
  assert.equal(vote(5, ''), 5);
});
