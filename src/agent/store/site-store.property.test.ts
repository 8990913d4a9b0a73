// Random histories of one site with crashes anywhere: after every step, what is live, backup and staged is exactly what the model
// says, by reading every byte, mode and mtime back from disk.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FileMode } from '../../model/tree.ts';
import { createDisk } from './disk.ts';
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
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  makeRoot,
  openKitStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const names = ['a', 'a/x', 'a/y', 'a/x/deep', 'b', 'b/x', 'c.html', 'd/e/f/g', 'd/e/h', 'ü 🌍'];
const contents = ['', 'one', 'two', 'three', 'a longer text that compresses'.repeat(9)];

interface EntrySeed {
  readonly name: string;
  readonly content: string;
  readonly mode: FileMode | '120000';
}

const treeSeed = fc.array(
  fc.record({
    name: fc.constantFrom(...names),
    content: fc.constantFrom(...contents),
    mode: fc.constantFrom<FileMode | '120000'>('100644', '100644', '100755', '120000'),
  }),
  { maxLength: 7 },
);

/** `crashAt`: the number of durable effects before the process dies; beyond the step's own, it does not die. */
const step = fc.record({
  do: fc.constantFrom(
    'publish',
    'publish',
    'publish',
    'stage',
    'decide',
    'abort',
    'rollback',
    'repeat',
    'settle',
    'reopen',
    'loseIndex',
    'loseJournal',
  ),
  tree: treeSeed,
  crashAt: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat({ max: 45 })),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

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

function createWorld(root: string) {
  const site = path.join(root, kitSite);
  const published = new Map<string, ModelTree>();
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

  async function stage(seeds: readonly EntrySeed[]): Promise<void> {
    const base = treeOf(store.live()?.tree);
    const target = growTree(seeds, base, 1000 + sequence);
    published.set(modelTreeId(target), target);
    await receiveAndStage(store, assignmentBetween(release(++sequence), base, target));
    assert.equal(store.holding().staged?.tree, modelTreeId(target));
  }

  async function decideStaged(): Promise<void> {
    const { staged } = store.holding();
    if (!staged) return;
    const outcome = await store.decide(decisionFor(staged.release, staged.tree));
    assert.equal(outcome.outcome, 'switched');
    assert.equal(store.live()?.tree, staged.tree);
  }

  async function perform({ do: what, tree }: Step): Promise<void> {
    const { backup, staged, lastDecision } = store.holding();
    switch (what) {
      case 'publish':
        await stage(tree);
        return decideStaged();
      case 'stage':
        return stage(tree);
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
      case 'loseJournal':
        await store.close();
        if (what === 'loseIndex') fs.rmSync(path.join(site, 'index.db'));
        if (what === 'loseJournal') fs.rmSync(path.join(site, 'state.json'), { force: true });
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
    const expected = expectedOnDisk(treeOf(live?.tree));
    const same = trees.filter((tree) => isSame(tree, expected)).length;
    assert.ok(same >= 1 + others, 'idle trees equal live');
  }

  async function assertHoldings(): Promise<void> {
    const { live, backup, staged } = store.holding();
    const resolved = store.resolveLive();
    assert.equal(resolved?.tree, live?.tree);
    if (resolved && live) {
      assert.deepEqual(readDisk(resolved.directory), expectedOnDisk(treeOf(live.tree)));
      const { proof, drift } = await store.verify();
      assert.deepEqual(drift, []);
      assert.equal(proof.tree, live.tree);
    } else {
      assert.equal(fs.existsSync(path.join(site, 'live')), false);
    }
    const trees = treesOnDisk();
    for (const held of [backup, staged]) {
      if (!held) continue;
      const expected = expectedOnDisk(treeOf(held.tree));
      assert.ok(
        trees.some((tree) => isSame(tree, expected)),
        `a held tree is not on disk: ${held.tree}`,
      );
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
        effectsLeft = Number.POSITIVE_INFINITY;
        await store.close();
        await open();
        assertOldOrNew(before, store.holding());
      }
      effectsLeft = Number.POSITIVE_INFINITY;
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

test('STG-1 to STG-18: random publishes, aborts, rollbacks, losses and crashes leave exactly the old or the new tree', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (steps) => {
      const root = makeRoot();
      const world = createWorld(root);
      try {
        await world.open();
        for (const current of steps) {
          await world.run(current);
          await world.assertHoldings();
        }
        await world.close();
      } finally {
        fs.rmSync(root, { recursive: true });
      }
    }),
    { numRuns: Number(process.env['STORE_RUNS'] ?? 60) },
  );
});
