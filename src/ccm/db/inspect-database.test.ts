// What a CCM makes of a database file that something happened to: refused with a code and left as it was, or whole.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { openCcmState } from '../ccm-state.ts';
import { hasCode } from '../registry/testing/has-code.ts';
import { markRun } from './run-mark.ts';

const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/** A state directory whose CCM ran, made `events` rows, and ended: well, or by SIGKILL with its log left over. */
async function ran(t: TestContext, ends: 'well' | 'killed' = 'well'): Promise<string> {
  const directory = temporaryDirectory(t);
  const made = await openCcmState(directory, { create: true });
  await made.markRun();
  made.close();
  await runAgain(directory, 200, ends);
  return directory;
}

async function runAgain(directory: string, events: number, ends: 'well' | 'killed'): Promise<void> {
  const program = `
    import { openCcmState } from ${module('../ccm-state.ts')};
    const state = await openCcmState(${JSON.stringify(directory)}, { create: false });
    await state.markRun();
    for (let n = 0; n < ${events}; n++) state.registry.events.append({ actor: 'a'.repeat(200), kind: 'k' + n });
    if (${ends === 'killed'}) process.kill(process.pid, 'SIGKILL');
    state.close();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.deepEqual([code, signal], ends === 'killed' ? [null, 'SIGKILL'] : [0, null]);
}

const file = (directory: string, end = '') => join(directory, `ccm.db${end}`);
const hash = (path: string) => readFileSync(path, 'base64');

async function eventsIn(directory: string): Promise<{ events: number; isCopiedBack: boolean }> {
  const state = await openCcmState(directory, { create: false });
  const events = state.registry.events.newestId();
  state.close();
  return { events, isCopiedBack: state.isCopiedBack };
}

async function refused(directory: string, message: RegExp): Promise<void> {
  const before = readdirSync(directory)
    .filter((name) => name.startsWith('ccm.db') && !name.endsWith('-shm'))
    .map((name) => [name, hash(join(directory, name))]);
  await assert.rejects(openCcmState(directory, { create: false }), (error: Error) => {
    assert.match(error.message, message);
    return hasCode('STATE_CORRUPT')(error);
  });
  for (const [name, content] of before)
    assert.equal(hash(join(directory, String(name))), content, 'left as it was');
}

test('R4.5 N78 a log that a SIGKILL left is taken up, with or without its -shm file', async (t) => {
  const directory = await ran(t, 'killed');
  assert.ok(statSync(file(directory, '-wal')).size > 0);
  rmSync(file(directory, '-shm'), { force: true });
  assert.deepEqual(await eventsIn(directory), { events: 200, isCopiedBack: false });
});

test('a database that was copied back is noticed, whether the copy is of an earlier run or a backup', async (t) => {
  const directory = await ran(t);
  copyFileSync(file(directory), file(directory, '.kept'));
  await runAgain(directory, 10, 'well');
  assert.deepEqual(await eventsIn(directory), { events: 210, isCopiedBack: false });
  copyFileSync(file(directory, '.kept'), file(directory));
  assert.deepEqual(await eventsIn(directory), { events: 200, isCopiedBack: true });
});

test('ccm.db copied back over one whose newer log was left is refused: the two are of different databases', async (t) => {
  const directory = await ran(t);
  copyFileSync(file(directory), file(directory, '.kept'));
  await runAgain(directory, 500, 'killed');
  copyFileSync(file(directory, '.kept'), file(directory));
  await refused(directory, /ccm\.db-wal is the log of the database that was here before/);
  // What the message says to do.
  for (const end of ['-wal', '-shm']) rmSync(file(directory, end), { force: true });
  assert.deepEqual(await eventsIn(directory), { events: 200, isCopiedBack: true });
});

test('a log without its database is refused', async (t) => {
  const directory = await ran(t, 'killed');
  rmSync(file(directory));
  await assert.rejects(openCcmState(directory, { create: true }), hasCode('STATE_CORRUPT'));
});

test('an empty file, a file that is none, and one cut off are refused', async (t) => {
  const directory = await ran(t);
  const whole = readFileSync(file(directory));
  writeFileSync(file(directory), '');
  await refused(directory, /it is empty/);
  writeFileSync(file(directory), 'x'.repeat(5_000));
  await refused(directory, /no SQLite database/);
  writeFileSync(file(directory), whole);
  truncateSync(file(directory), Math.floor(whole.length / 2 / 4_096) * 4_096);
  await refused(directory, /is damaged/);
});

test('every page that is overwritten is found at start, as far as it holds anything', async (t) => {
  const directory = await ran(t);
  const whole = readFileSync(file(directory));
  const pageBytes = whole.readUInt16BE(16);
  for (let page = 1; page * pageBytes < whole.length; page++) {
    const damaged = Buffer.from(whole);
    damaged.fill(0xa5, page * pageBytes, page * pageBytes + pageBytes);
    writeFileSync(file(directory), damaged);
    await refused(directory, /is damaged/);
  }
  writeFileSync(file(directory), whole);
  assert.equal((await eventsIn(directory)).events, 200);
});

test('a crash between any two steps of marking a run leaves a database that is known', async (t) => {
  const directory = await ran(t);
  const marks = file(directory, '').replace('ccm.db', 'last-run.json');
  const state = await openCcmState(directory, { create: false });
  const before = readFileSync(marks);
  await state.markRun();
  const after = readFileSync(marks, 'utf8');
  state.close();
  const marked = readFileSync(file(directory));
  const number = marked.readUInt32BE(60);
  assert.equal(after, `{"version":1,"marks":[${number}]}\n`);
  // Killed before the last write of the file beside it.
  const [former] = (JSON.parse(before.toString()) as { marks: number[] }).marks;
  writeFileSync(marks, `{"version":1,"marks":[${former},${number}]}\n`);
  assert.equal((await eventsIn(directory)).isCopiedBack, false);
  const raw = new DatabaseSync(file(directory));
  raw.exec(`pragma user_version = ${former}`);
  raw.close();
  assert.equal((await eventsIn(directory)).isCopiedBack, false);
});

test('JOB-29 a start that fails after a run whose number was in the log only leaves a database that is known', async (t) => {
  const directory = await ran(t);
  const program = `
    import { DatabaseSync } from 'node:sqlite';
    import { openCcmState } from ${module('../ccm-state.ts')};
    const state = await openCcmState(${JSON.stringify(directory)}, { create: false });
    const reader = new DatabaseSync(${JSON.stringify(file(directory))});
    reader.exec('begin');
    reader.prepare('select count(*) from events').get();
    await state.markRun();
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  assert.equal((await once(child, 'exit'))[1], 'SIGKILL');

  const before = readFileSync(file(directory)).readUInt32BE(60);
  const state = await openCcmState(directory, { create: false });
  assert.notEqual(state.database.marked(), before);
  const failing = {
    ...state.database,
    mark: () => {
      throw new Error('the disk is full');
    },
  };
  await assert.rejects(markRun(directory, failing, before), /the disk is full/);
  state.close();
  assert.notEqual(readFileSync(file(directory)).readUInt32BE(60), before, 'the log was copied back');
  assert.equal((await eventsIn(directory)).isCopiedBack, false);
});
