import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { TreeChange, TreeSide } from '../model/tree.ts';
import { copySourcesOf } from './copy-sources.ts';
import { parentsOf } from './directory-changes.ts';
import { planCommands, planCommandsInSlices, planQuestions, planQuestionsInSlices } from './plan-commands.ts';
import type { PlannedTreeCommand } from './planned-command.ts';

type Tree = ReadonlyMap<string, TreeSide>;

const sizes = (id: string) => Number.parseInt(id.slice(0, 2), 16);

function diff(base: Tree, target: Tree): TreeChange[] {
  const paths = [...new Set([...base.keys(), ...target.keys()])].sort();
  return paths.flatMap((path) => {
    const before = base.get(path);
    const after = target.get(path);
    if (before?.id === after?.id && before?.mode === after?.mode) return [];
    return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
  });
}

const directoriesOf = (tree: Iterable<string>) => new Set([...tree].flatMap((path) => [...parentsOf(path)]));

function plan(base: Tree, target: Tree, moreSources = new Map<string, string>()): PlannedTreeCommand[] {
  const changes = diff(base, target);
  const questions = planQuestions(changes);
  const answer = (asked: readonly string[], tree: Tree) => {
    const all = directoriesOf(tree.keys());
    return new Set(asked.filter((directory) => all.has(directory)));
  };
  return planCommands({
    changes,
    directories: {
      base: answer(questions.directories.base, base),
      target: answer(questions.directories.target, target),
    },
    sizes: new Map(questions.sizes.map((id) => [id, sizes(id)])),
    copySources: new Map([...moreSources, ...copySourcesOf(changes)]),
    mtimeOf: () => 1,
  });
}

/** Executes commands as strictly as a file system would, on a model of the tree. */
function execute(commands: readonly PlannedTreeCommand[], base: Tree): Tree {
  const leaves = new Map(base);
  const directories = directoriesOf(base.keys());
  const parentExists = (path: string) =>
    !path.includes('/') || directories.has(path.slice(0, path.lastIndexOf('/')));
  for (const command of commands) {
    const { path } = command;
    const what = `${command.do} ${path}`;
    switch (command.do) {
      case 'mkdir':
        assert.ok(parentExists(path) && !leaves.has(path) && !directories.has(path), what);
        directories.add(path);
        break;
      case 'rmdir':
        assert.ok(directories.delete(path), what);
        assert.ok(![...leaves.keys(), ...directories].some((other) => other.startsWith(`${path}/`)), what);
        break;
      case 'remove':
        assert.ok(leaves.delete(path), what);
        break;
      case 'mode': {
        const old = leaves.get(path);
        assert.ok(old !== undefined && old.mode !== '120000' && old.mode !== command.mode, what);
        leaves.set(path, { mode: command.mode, id: old.id });
        break;
      }
      default:
        assert.ok(parentExists(path) && !directories.has(path), what);
        if (command.do === 'copy') {
          assert.equal(base.get(command.from)?.id, command.blob, what);
          assert.notEqual(base.get(command.from)?.mode, '120000', what);
        }
        if (command.do === 'write' && command.base !== undefined) {
          assert.equal(base.get(command.base.from)?.id, command.base.blob, what);
        }
        leaves.set(path, { mode: command.do === 'symlink' ? '120000' : command.mode, id: command.blob });
    }
  }
  assert.deepEqual(directories, directoriesOf(leaves.keys()), 'no directory is empty or missing');
  return leaves;
}

const sideArbitrary: fc.Arbitrary<TreeSide> = fc.record(
  {
    mode: fc.constantFrom('100644', '100755', '120000'),
    id: fc.integer({ min: 0, max: 12 }).map((n) => n.toString(16).padStart(2, '0').repeat(20)),
  },
  { noNullPrototype: true },
);
/** Few names at few depths, so that files and directories meet at the same paths. */
const treeArbitrary: fc.Arbitrary<Tree> = fc
  .array(
    fc.tuple(
      fc.array(fc.constantFrom('a', 'b', 'a.b', 'index.html'), { minLength: 1, maxLength: 4 }),
      sideArbitrary,
    ),
    { maxLength: 14 },
  )
  .map((rows) => {
    const tree = new Map<string, TreeSide>();
    for (const [names, side] of rows) {
      const path = names.join('/');
      const clashes = [...tree.keys()].some(
        (other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`),
      );
      if (!clashes) tree.set(path, side);
    }
    return tree;
  });

const file = (n: number, mode = '100644'): TreeSide => ({
  mode,
  id: n.toString(16).padStart(2, '0').repeat(20),
});
const tree = (entries: Record<string, TreeSide>): Tree => new Map(Object.entries(entries));
const summary = (commands: readonly PlannedTreeCommand[]) => commands.map((c) => `${c.do} ${c.path}`);

describe('planner', () => {
  test('R2.1: executing the plan on any base gives exactly the target, with no empty directory left', () => {
    fc.assert(
      fc.property(treeArbitrary, treeArbitrary, (base, target) => {
        assert.deepEqual(execute(plan(base, target), base), new Map(target));
      }),
      { numRuns: 2000 },
    );
  });

  test('N5: assets before pages, symlinks after both, deletes last', () => {
    const base = tree({ 'index.html': file(1), 'old/app.js': file(2), 'keep.css': file(3) });
    const target = tree({
      'index.html': file(4),
      'new/app.js': file(5),
      'new/page.htm': file(6),
      'keep.css': file(7),
      z: file(8, '120000'),
    });
    assert.deepEqual(summary(plan(base, target)), [
      'mkdir new',
      'write keep.css',
      'write new/app.js',
      'write index.html',
      'write new/page.htm',
      'symlink z',
      'remove old/app.js',
      'rmdir old',
    ]);
  });

  test('R2.1: renames, copies and mode changes travel without bytes, by blob id', () => {
    const base = tree({ a: file(1), b: file(2), c: file(3), link: file(4, '120000') });
    const target = tree({ a2: file(1), b: file(2, '100755'), c: file(3), c2: file(3), 'link.txt': file(4) });
    const commands = plan(base, target, new Map([[file(3).id, 'c']]));
    assert.deepEqual(summary(commands), [
      'copy a2',
      'mode b',
      'copy c2',
      'write link.txt',
      'remove a',
      'remove link',
    ]);
    assert.deepEqual(commands[2], {
      do: 'copy',
      path: 'c2',
      mode: '100644',
      blob: file(3).id,
      size: 3,
      mtime: 1,
      from: 'c',
    });
  });

  test('file becomes directory and back: what stands in the way goes first', () => {
    const flat = tree({ a: file(1), keep: file(9) });
    const deep = tree({ 'a/b/c': file(2), keep: file(9) });
    assert.deepEqual(summary(plan(flat, deep)), ['remove a', 'mkdir a', 'mkdir a/b', 'write a/b/c']);
    assert.deepEqual(summary(plan(deep, flat)), ['remove a/b/c', 'rmdir a/b', 'rmdir a', 'write a']);
  });

  test('an edit of existing files asks for sizes only', () => {
    const changes = diff(tree({ 'a/b': file(1) }), tree({ 'a/b': file(2) }));
    assert.deepEqual(planQuestions(changes), {
      sizes: [file(2).id, file(1).id],
      directories: { base: [], target: [] },
    });
  });

  test('R2.1: what cannot be published is refused with its code', () => {
    assert.throws(() => plan(tree({}), tree({ m: file(1, '160000') })), { code: 'SUBMODULE' });
    assert.throws(() => plan(tree({}), tree({ '.GIT/config': file(1) })), { code: 'PATH_FORBIDDEN' });
    assert.throws(() => plan(tree({}), tree({ m: file(1, '100664') })), { code: 'PATH_FORBIDDEN' });
  });

  test('R2.8: a diff of 100,000 paths is planned without stalling the event loop', async () => {
    const changes = Array.from({ length: 100_000 }, (_, i): TreeChange => {
      const path = `section-${i >> 10}/part-${i >> 5}/page-${i}.html`;
      return { path, after: { mode: '100644', id: i.toString(16).padStart(40, '0') } };
    });
    let turns = 0;
    let done = false;
    const count = () => {
      turns++;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    const { sizes } = await planQuestionsInSlices(changes);
    const none = new Set<string>();
    const commands = await planCommandsInSlices({
      changes,
      directories: { base: none, target: none },
      sizes: new Map(sizes.map((id) => [id, 1])),
      copySources: new Map(),
      mtimeOf: () => 1,
    });
    done = true;
    assert.equal(commands.length, 100_000 + 98 + 3125);
    assert.ok(turns >= 5, `${turns} turns`);
  });
});
