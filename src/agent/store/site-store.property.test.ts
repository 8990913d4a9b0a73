// Random histories of one site with crashes anywhere: after every step, what is live, backup and staged is exactly what the model
// says, twins and plugin commands with it, by reading every byte, mode and mtime back from disk.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { blobIdOf } from '../../assignment/object-id.ts';
import type { FileMode } from '../../model/tree.ts';
import { twinSuffixes } from '../../plugins/api/hooks.ts';
import { createDisk } from './disk.ts';
import type { SiteStore } from './site-store.ts';
import {
  commandsBetween,
  expectedOnDisk,
  type ModelEntry,
  type ModelTree,
  modelFile,
  modelLink,
  modelTreeId,
  readDisk,
} from './testing/model-tree.ts';
import {
  decisionFor,
  kitAssignment,
  kitSite,
  makeRoot,
  openKitStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const names = ['a', 'a/x', 'a/y', 'a/x/deep', 'b', 'b/x', 'c.html', 'd/e/f/g', 'd/e/h', 'ü 🌍'];
/** What an author may have published under the names of twins. */
const namesOfTwins = ['c.html.gz', 'b.br', 'b.br/x', 'd/e/h.zst', 'd/e/h.zst.gz', 'a.gz'];
const contents = ['', 'one', 'two', 'three', 'a longer text that compresses'.repeat(9)];

interface EntrySeed {
  readonly name: string;
  readonly content: string;
  readonly mode: FileMode | '120000';
}

const twinSeed = fc.record({ file: fc.nat({ max: 9 }), suffix: fc.constantFrom(...twinSuffixes) });

function treeSeed(from: readonly string[]) {
  const entry = fc.record({
    name: fc.constantFrom(...from),
    content: fc.constantFrom(...contents),
    mode: fc.constantFrom<FileMode | '120000'>('100644', '100644', '100755', '120000'),
  });
  return fc.array(entry, { maxLength: 7 });
}

const actions = [
  'publish',
  'publish',
  'publish',
  'stage',
  'decide',
  'abort',
  'rollback',
  'switchBack',
  'repeat',
  'settle',
  'reopen',
  'loseIndex',
  'loseJournal',
] as const;

/** `crashAt`: the number of durable effects before the process dies; beyond the step's own, it does not die. */
function step(from: readonly string[], ...more: 'loseTwins'[]) {
  return fc.record({
    do: fc.constantFrom(...actions, ...more),
    tree: treeSeed(from),
    twins: fc.array(twinSeed, { maxLength: 4 }),
    crashAt: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat({ max: 60 })),
  });
}
type Step = ReturnType<typeof step> extends fc.Arbitrary<infer T> ? T : never;
type TwinSeed = typeof twinSeed extends fc.Arbitrary<infer T> ? T : never;
/** Bytes by path of the twin. */
type Twins = ReadonlyMap<string, Buffer>;

/** Unchanged paths keep their mtime; what conflicts with an entry before it is left out. */
function growTree(seeds: readonly EntrySeed[], base: ModelTree, mtime: number): ModelTree {
  const tree = new Map<string, ModelEntry>();
  for (const { name, content, mode } of seeds) {
    const conflicts = [...tree.keys()].some((n) => n.startsWith(`${name}/`) || name.startsWith(`${n}/`));
    if (conflicts) continue;
    const entry = mode === '120000' ? modelLink(content || 'a', mtime) : modelFile(content, mtime, mode);
    const before = base.get(name);
    const isSame = before?.mode === entry.mode && before.bytes.equals(entry.bytes);
    tree.set(name, isSame ? before : entry);
  }
  // Tree ids say nothing of mtimes: no tree but the empty one comes twice, so that an id names one expectation.
  if (seeds.length > 0) tree.set('serial', modelFile(String(mtime), mtime));
  return tree;
}

/** The twins of a tree made of another by commands: those of files that are the same, where the tree has no such name itself. */
function inheritTwins(base: ModelTree, twins: Twins, target: ModelTree): Twins {
  const kept = [...twins].filter(([name]) => {
    const file = name.slice(0, -path.extname(name).length);
    return target.has(file) && base.get(file) === target.get(file) && !isTaken(target, name);
  });
  return new Map(kept);
}

function isTaken(tree: ModelTree, name: string): boolean {
  return [...tree.keys()].some((other) => other === name || other.startsWith(`${name}/`));
}

function withTwins(tree: ModelTree, twins: Twins): ModelTree {
  const all = new Map(tree);
  for (const [name, bytes] of twins) {
    const file = tree.get(name.slice(0, -path.extname(name).length));
    assert.ok(file, `${name} is a twin of nothing`);
    all.set(name, { ...file, bytes });
  }
  return all;
}

function createWorld(root: string) {
  const site = path.join(root, kitSite);
  const published = new Map<string, ModelTree>();
  /** What twins a tree may have: after a crash none or all of those that were being written. */
  const twinsOf = new Map<string, readonly Twins[]>();
  const commandsOf = new Map<string, readonly unknown[]>();
  let effectsLeft = Number.POSITIVE_INFINITY;
  let store: SiteStore;
  let sequence = 0;

  function newDisk() {
    let dead = false;
    return createDisk((effect, where) => {
      if (dead || effectsLeft-- <= 0) {
        dead = true;
        throw new Error(`crashed before ${effect} ${where}`);
      }
    });
  }

  async function open(): Promise<void> {
    store = await openKitStore(root, newDisk());
  }

  const treeOf = (id: string | undefined): ModelTree => (id ? published.get(id) : undefined) ?? new Map();

  const noTwins: readonly Twins[] = [new Map()];

  async function stage({ tree: seeds, twins }: Step): Promise<void> {
    const base = treeOf(store.live()?.tree);
    const target = growTree(seeds, base, 1000 + sequence);
    const tree = modelTreeId(target);
    published.set(tree, target);
    // As with times: the empty tree, which may come twice, has none.
    const plugins =
      ++sequence % 2 === 0 || target.size === 0 ? [] : [{ name: 'acme:install', parameters: { sequence } }];
    commandsOf.set(tree, plugins);
    const [inherited] = twinsOf.get(modelTreeId(base)) ?? noTwins;
    twinsOf.set(tree, [inheritTwins(base, inherited ?? new Map(), target)]);
    const commands = commandsBetween(base, target);
    for (const plugin of plugins) commands.push({ command: { do: 'plugin', ...plugin } });
    const baseTree = modelTreeId(base);
    const assignment = { release: release(sequence), baseTree, targetTree: tree, commands };
    await receiveAndStage(store, kitAssignment(assignment));
    assert.equal(store.holding().staged?.tree, tree);
    assert.deepEqual(store.diffTrees(tree, tree), []);
    await writeTwins(target, twins);
  }

  /** Each says of which bytes it was made. */
  async function writeTwins(target: ModelTree, seeds: readonly TwinSeed[]): Promise<void> {
    const tree = modelTreeId(target);
    const files = [...target].filter(([, { mode }]) => mode !== '120000');
    const [before] = twinsOf.get(tree) ?? noTwins;
    const after = new Map(before);
    for (const { file, suffix } of seeds) {
      const [name, entry] = files[file % files.length] ?? [];
      if (name === undefined || entry === undefined) continue;
      const bytes = Buffer.from(`${suffix} of ${blobIdOf(entry.bytes)}`);
      const writing = store.writeTwin(release(sequence), name, suffix, bytes);
      if (isTaken(target, name + suffix)) await assert.rejects(writing, { code: 'STAGE_FAILED' });
      else await writing.then(() => after.set(name + suffix, bytes));
    }
    twinsOf.set(tree, [before ?? new Map(), after]);
    await store.sealTwins(release(sequence));
    twinsOf.set(tree, [after]);
  }

  async function decideStaged(): Promise<void> {
    const { staged } = store.holding();
    if (!staged) return;
    const outcome = await store.decide(decisionFor(staged.release, staged.tree));
    assert.equal(outcome.outcome, 'switched');
    assert.equal(store.live()?.tree, staged.tree);
  }

  async function switchBack({ live, backup, lastDecision, executed }: Holding): Promise<void> {
    if (!lastDecision || !executed) return;
    const { outcome } = await store.switchBack(lastDecision);
    assert.equal(outcome, backup ? 'switched' : 'stale');
    if (!backup) return;
    const now = store.holding();
    assert.deepEqual([now.live?.tree, now.backup?.tree], [backup.tree, live?.tree]);
    assert.deepEqual([now.lastDecision, now.executed], [lastDecision, false]);
  }

  async function perform(current: Step): Promise<void> {
    const { do: what } = current;
    const holding = store.holding();
    const { backup, staged, lastDecision } = holding;
    switch (what) {
      case 'publish':
        await stage(current);
        return decideStaged();
      case 'stage':
        return stage(current);
      case 'switchBack':
        return switchBack(holding);
      case 'decide':
        return decideStaged();
      case 'abort':
        if (staged) assert.equal(await store.abort(staged.release), true);
        return;
      case 'rollback':
        if (!backup) return;
        await store.decide(decisionFor(release(++sequence), backup.tree, 'rollback'));
        assert.equal(store.live()?.tree, backup.tree);
        return;
      case 'repeat':
        if (lastDecision) await store.decide(lastDecision);
        return;
      case 'settle':
        await store.settle();
        return assertSettled();
      case 'reopen':
      case 'loseIndex':
      case 'loseTwins':
      case 'loseJournal':
        await store.close();
        if (what === 'loseTwins') fs.rmSync(path.join(site, 'twins.db'), { force: true });
        if (what === 'loseIndex') fs.rmSync(path.join(site, 'index.db'));
        if (what === 'loseJournal') {
          fs.rmSync(path.join(site, 'state.json'), { force: true });
          commandsOf.clear();
        }
        return open();
    }
  }

  function treesOnDisk(): Map<string, string>[] {
    return fs
      .readdirSync(path.join(site, 'trees'))
      .filter((name) => !name.startsWith('.'))
      .map((name) => readDisk(path.join(site, 'trees', name)));
  }

  function assertSettled(): void {
    if (!store.live()) return;
    const trees = treesOnDisk();
    assert.equal(trees.length, 3);
    const { live, backup, staged } = store.holding();
    const others = 3 - [live, backup, staged].filter(Boolean).length;
    const expected = expectations(live?.tree)[0] ?? new Map();
    const same = trees.filter((tree) => isSame(tree, expected)).length;
    assert.ok(same >= 1 + others, 'idle trees equal live');
  }

  /** What a tree may look like on disk. */
  function expectations(id: string | undefined): Map<string, string>[] {
    const tree = treeOf(id);
    const possible = (id ? twinsOf.get(id) : undefined) ?? noTwins;
    return possible.map((twins) => expectedOnDisk(withTwins(tree, twins)));
  }

  /** Whatever a crash left open about the tree's twins is settled by what is found. */
  function assertOnDisk(id: string, found: readonly ReadonlyMap<string, string>[]): void {
    const possible = expectations(id);
    const index = possible.findIndex((expected) => found.some((tree) => isSame(tree, expected)));
    if (index < 0) assert.deepEqual(found[0], possible[0], `${id} is not on disk`);
    const twins = twinsOf.get(id)?.[index];
    if (twins) twinsOf.set(id, [twins]);
  }

  async function assertHoldings(): Promise<void> {
    const { live, backup, staged } = store.holding();
    const resolved = store.resolveLive();
    assert.equal(resolved?.tree, live?.tree);
    if (resolved && live) {
      assertOnDisk(live.tree, [readDisk(resolved.directory)]);
      // Also: every twin is recorded, each record has its twin, and was made of the file that is there.
      const { proof, drift } = await store.verify();
      assert.deepEqual(drift, []);
      assert.equal(proof.tree, live.tree);
    } else {
      assert.equal(fs.existsSync(path.join(site, 'live')), false);
    }
    for (const [held, place] of [
      [backup, store.resolveBackup()],
      [staged, store.resolveStaged()],
    ] as const) {
      assert.equal(place?.tree, held?.tree);
      if (held && place) assertOnDisk(held.tree, [readDisk(place.directory)]);
    }
    for (const held of [live, backup, staged]) {
      if (held) assert.deepEqual(store.commandsOf(held.release), commandsOf.get(held.tree) ?? []);
    }
  }

  return {
    open,
    close: () => store.close(),
    assertHoldings,
    async run(current: Step): Promise<void> {
      const before = store.holding();
      effectsLeft = current.crashAt;
      try {
        await perform(current);
      } catch (error) {
        if (effectsLeft >= 0) throw error;
      }
      // Also where nobody heard of it, as in work that is tried again later: the disk is gone for this process.
      const hasCrashed = effectsLeft < 0;
      effectsLeft = Number.POSITIVE_INFINITY;
      if (!hasCrashed) return;
      await store.close();
      await open();
      assertOldOrNew(before, store.holding());
    },
  };
}

type Holding = ReturnType<SiteStore['holding']>;

/** A crash leaves live on the old tree, or on the one that the step was switching to; a backup is never lost by staging. */
function assertOldOrNew(before: Holding, after: Holding): void {
  if (after.live?.tree === before.live?.tree) {
    const isKept = after.backup === null ? before.backup === null : true;
    assert.ok(isKept || after.lastDecision === null, 'the backup is gone');
  } else {
    assert.equal(after.backup?.tree, before.live?.tree, 'the former live tree is the backup');
  }
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}

async function runHistories(steps: ReturnType<typeof step>, runs: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 10 }), async (history) => {
      const root = makeRoot();
      const world = createWorld(root);
      try {
        await world.open();
        for (const current of history) {
          await world.run(current);
          await world.assertHoldings();
        }
        await world.close();
      } finally {
        fs.rmSync(root, { recursive: true });
      }
    }),
    { numRuns: Number(process.env['STORE_RUNS'] ?? runs) },
  );
}

test('STG-1 to STG-26: random publishes, twins, aborts, rollbacks, losses and crashes leave exactly the old or the new tree', async () => {
  await runHistories(step([...names, ...namesOfTwins]), 60);
});

test('STG-23: the same where the records of twins are lost, and no author publishes files of such names', async () => {
  await runHistories(step(names, 'loseTwins'), 20);
});
