// Power cuts: a history of one site is written down call by call; from it many states that a disk may be in after a cut are drawn, put
// on a real disk, and opened. The old or the new tree is live, whole; what was told is so; the background mends the rest; and publishing
// goes on. The draws come from a seed that is printed; POWER_SEED and POWER_CUTS change them.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { SiteStore } from './site-store.ts';
import {
  expectedOnDisk,
  type ModelEntry,
  type ModelTree,
  modelFile,
  modelLink,
  modelTreeId,
  readDisk,
} from './testing/model-tree.ts';
import { cutPower, putOnDisk, type Random } from './testing/power-cut.ts';
import { createRecordingDisk, type Record } from './testing/recording-disk.ts';
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  openKitStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

function grow(base: ModelTree, changes: Readonly<{ [name: string]: ModelEntry | null }>): ModelTree {
  const tree = new Map(base);
  for (const [name, entry] of Object.entries(changes)) {
    if (entry) tree.set(name, entry);
    else tree.delete(name);
  }
  return tree;
}

function many(mtime: number): { [name: string]: ModelEntry } {
  return Object.fromEntries(
    Array.from({ length: 80 }, (_, n) => [
      `many/${n % 7}/${n}.html`,
      modelFile(`file ${n} at ${mtime}`, mtime),
    ]),
  );
}

const empty: ModelTree = new Map();
const one = grow(empty, {
  'index.html': modelFile('one', 1),
  'a/b/page.html': modelFile('page', 1),
  'a/gone.html': modelFile('gone', 1),
  link: modelLink('a/b/page.html', 1),
});
const two = grow(one, {
  'index.html': modelFile('two', 2),
  'a/gone.html': null,
  'new/deep/page.html': modelFile('new', 2),
  link: modelLink('index.html', 2),
  'a/b/page.html': modelFile('page', 2, '100755'),
});
const three = grow(two, { ...many(3), 'new/deep/page.html': null, 'a/b': null });
const four = grow(three, { ...many(4), 'index.html': modelFile('four', 4) });
const five = grow(four, { 'index.html': modelFile('five', 5), 'a/b/page.html': modelFile('again', 5) });
const six = grow(five, { 'index.html': modelFile('six', 6) });
const seven = grow(six, { 'a/b/page.html': modelFile('seventh', 7) });
const eight = grow(seven, { link: modelLink('a/b/page.html', 8) });
const trees = new Map(
  [empty, one, two, three, four, five, six, seven, eight].map((tree) => [modelTreeId(tree), tree]),
);

const isRenameTo = (record: Record, name: RegExp) =>
  record.kind === 'name' && record.from !== undefined && name.test(record.at.name);

/** What has been told when a cut comes, and what was asked for and not answered yet. */
interface Told {
  readonly live: ModelTree;
  readonly staged: ModelTree | null;
  /** Live may be this already. */
  readonly deciding: ModelTree | null;
  readonly sequence: number;
}

interface History {
  readonly records: readonly Record[];
  /** By the text of marks. */
  readonly told: ReadonlyMap<string, Told>;
  /** Records before the first death of a process. */
  readonly untilDeath: number;
}

async function writeHistory(root: string): Promise<History> {
  const { disk, records, dieAfter, revive } = createRecordingDisk(root);
  const told = new Map<string, Told>();
  let now: Told = { live: empty, staged: null, deciding: null, sequence: 0 };
  const mark = (next: Partial<Told>): void => {
    now = { ...now, ...next };
    const text = String(told.size);
    told.set(text, now);
    records.push({ kind: 'mark', text });
  };
  mark({});
  let store = await openKitStore(root, disk);
  const restart = async (): Promise<void> => {
    await store.close().catch(() => undefined);
    revive();
    store = await openKitStore(root, disk);
  };
  const stage = async (target: ModelTree): Promise<void> => {
    mark({ staged: null, sequence: now.sequence + 1 });
    await receiveAndStage(store, assignmentBetween(release(now.sequence), now.live, target));
    mark({ staged: target });
  };
  const decide = async (target: ModelTree, kind: 'commit' | 'rollback' = 'commit'): Promise<void> => {
    const sequence = kind === 'rollback' ? now.sequence + 1 : now.sequence;
    mark({ deciding: target, staged: null, sequence });
    await store.decide(decisionFor(release(sequence), modelTreeId(target), kind));
    mark({ live: target, deciding: null });
  };
  for (const [target, settles] of [
    [one, true],
    [two, false],
    [three, true],
  ] as const) {
    await stage(target);
    await decide(target);
    if (settles) await store.settle();
  }
  await stage(four);
  await decide(four);
  await decide(three, 'rollback');
  await store.settle();
  await stage(five);
  mark({ staged: null });
  await store.abort(release(now.sequence));
  await store.settle();
  await stage(five);
  await restart();
  await decide(five);
  await store.settle();
  // What a process that died had done is seen by the next one, and need not be durable.
  const untilDeath = records.length;
  dieAfter((record) => isRenameTo(record, /^\d+-\d+$/));
  await assert.rejects(stage(six), /dead/);
  await restart();
  // The same release is delivered again.
  mark({ sequence: now.sequence - 1 });
  await stage(six);
  await decide(six);
  dieAfter((record) => record.kind === 'name' && record.at.name === 'index.html' && record.inode !== null);
  await assert.rejects(store.settle(), /dead/);
  await restart();
  await store.settle();
  await stage(seven);
  await decide(seven);
  await stage(eight);
  await store.close();
  return { records, told, untilDeath };
}

function toldAt(records: readonly Record[], cut: number, told: ReadonlyMap<string, Told>): Told {
  const last = records.slice(0, cut).findLast((record) => record.kind === 'mark');
  return told.get(last?.kind === 'mark' ? last.text : '0') as Told;
}

const treeOf = (id: string | undefined) =>
  trees.get(id ?? modelTreeId(empty)) ?? assert.fail(`${id} was never published`);

async function assertRight(store: SiteStore, root: string, told: Told): Promise<void> {
  const { live, backup, staged } = store.holding();
  const found = treeOf(live?.tree);
  const possible = [told.live, ...(told.deciding ? [told.deciding] : [])];
  assert.ok(possible.includes(found), `live is release ${live?.release.sequence}`);
  if (live)
    assert.deepEqual(readDisk(fs.realpathSync(path.join(root, kitSite, 'live'))), expectedOnDisk(found));
  else assert.equal(fs.existsSync(path.join(root, kitSite, 'live')), false);
  if (told.staged) assert.equal(staged?.tree, modelTreeId(told.staged), 'what was told as staged is staged');
  for (const [held, place] of [
    [backup, store.resolveBackup()],
    [staged, store.resolveStaged()],
  ] as const) {
    if (held && place) assert.deepEqual(readDisk(place.directory), expectedOnDisk(treeOf(held.tree)));
  }
  assert.deepEqual((await store.verify()).drift, []);
}

/** Publishes until every slot had its turn. */
async function assertGoesOn(store: SiteStore, root: string, sequence: number): Promise<void> {
  let base = treeOf(store.live()?.tree);
  for (let n = 1; n <= 3; n++) {
    const target = grow(base, {
      'index.html': modelFile(`after ${n}`, 100 + n),
      [`after/${n}`]: modelFile('x', 100),
    });
    await receiveAndStage(store, assignmentBetween(release(sequence + n), base, target));
    await store.decide(decisionFor(release(sequence + n), modelTreeId(target)));
    assert.deepEqual(readDisk(fs.realpathSync(path.join(root, kitSite, 'live'))), expectedOnDisk(target));
    await store.settle();
    base = target;
  }
  const slots = fs.readdirSync(path.join(root, kitSite, 'trees')).filter((name) => !name.startsWith('.'));
  const backup = path.basename(store.resolveBackup()?.directory ?? '');
  for (const slot of slots.filter((name) => name !== backup)) {
    assert.deepEqual(readDisk(path.join(root, kitSite, 'trees', slot)), expectedOnDisk(base), slot);
  }
  assert.deepEqual((await store.verify()).drift, []);
}

/** A small generator of its own, so that a seed means the same everywhere (mulberry32). */
function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** In memory where there is such a directory: the states are not synced for anybody. */
const shared = '/dev/shm';
const base = fs.existsSync(shared) ? shared : os.tmpdir();

/** Between any two marks as likely as between any others: most records are those of the largest releases. */
function cutIn(records: readonly Record[], from: number, random: Random): number {
  const ends = records.flatMap((record, index) => (index >= from && record.kind === 'mark' ? [index] : []));
  const at = Math.floor(random() * ends.length);
  const [begin = 0, end = records.length] = [ends[at], ends[at + 1]];
  return begin + 1 + Math.floor(random() * (end - begin));
}

async function tryCut({ records, told }: History, from: number, seed: number): Promise<void> {
  const random = seeded(seed);
  const cut = cutIn(records, from, random);
  const root = fs.mkdtempSync(path.join(base, 'treecast-power-'));
  try {
    putOnDisk(cutPower(records, cut, random), root);
    const store = await openKitStore(root);
    try {
      const at = toldAt(records, cut, told);
      await assertRight(store, root, at);
      await assertGoesOn(store, root, at.sequence + 1);
    } finally {
      await store.close();
    }
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(`seed ${seed}, cut after ${cut} of ${records.length}: ${message}`, { cause });
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

/** `from`: which part of the history is cut. */
async function tryCuts(t: TestContext, defaults: number, from: (history: History) => number): Promise<void> {
  const seed = Number(process.env['POWER_SEED'] ?? 1);
  const cuts = Number(process.env['POWER_CUTS'] ?? defaults);
  t.diagnostic(`POWER_SEED=${seed} POWER_CUTS=${cuts}`);
  const root = fs.mkdtempSync(path.join(base, 'treecast-power-'));
  try {
    const history = await writeHistory(root);
    for (let n = 0; n < cuts; n++) await tryCut(history, from(history), seed + n);
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

test('STG-1 to STG-8, STG-14: whatever a power cut leaves, the old or the new tree is live and whole', async (t) => {
  await tryCuts(t, 70, () => 0);
});

test('STG-3, STG-28: the same when processes died before, and the next ones saw what was not durable', async (t) => {
  await tryCuts(t, 60, ({ untilDeath }) => untilDeath);
});
