import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { emptyTreeId } from '../../model/tree.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { createNativeGitSource, type NativeGitSource } from '../native-git-source.ts';
import {
  createTestRepository,
  file,
  type TestRepository,
  type TestTree,
  utf8Name,
} from '../test-repository.ts';
import { checkTree, type TreeCheckOptions } from './check-tree.ts';
import { foldName } from './folded-name.ts';
import { honestNames, hostileTrees } from './hostile-trees.ts';
import { renderViolations } from './render-violations.ts';
import { violationOf } from './violation.ts';

const options: TreeCheckOptions = {
  deleteShareMax: 1,
  deleteFilesMin: 20,
  allowClashes: false,
  allowDelete: false,
};
let repository: TestRepository;
let source: NativeGitSource;

before(async () => {
  repository = await createTestRepository();
  source = createNativeGitSource(repository.path);
});
after(async () => {
  await source.close();
  repository.remove();
});

/** Codes, and the lines that a pusher sees; of a tree that cannot be read the error's. */
async function judge(target: string, base = emptyTreeId(), allowClashes = false) {
  try {
    const changes = await source.diffTrees(base, target);
    const found = await checkTree({ source, base, target, changes, options: { ...options, allowClashes } });
    return { codes: [...new Set(found.map(({ code }) => code))], lines: renderViolations(found) };
  } catch (error) {
    if (!(error instanceof TreecastError)) throw error;
    const violation = violationOf(error);
    return { codes: [error.code], lines: violation ? renderViolations([violation]) : [error.message] };
  }
}

for (const { name, make, code } of hostileTrees) {
  test(`N57 N58 N35: ${name} is refused with ${code}, printably, as a whole tree and beside a live one`, async () => {
    const tree = make(repository);
    const live = repository.writeTree({ index: file('live') });
    for (const base of [emptyTreeId(), live]) {
      const { codes, lines } = await judge(tree, base);
      assert.deepEqual(codes, [code], lines.join('\n'));
      assert.ok(
        lines.every(
          (line) =>
            !/[\p{Cc}\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/u.test(line) && line.length < 9_000,
        ),
      );
    }
  });
}

test('PUSH-20: honest names are not stopped, alone, together, or nested', async () => {
  const files: TestTree = Object.fromEntries(honestNames.map((name) => [utf8Name(name), file('1')]));
  const nested: TestTree = Object.fromEntries(honestNames.map((name) => [utf8Name(name), files]));
  for (const tree of [files, nested]) {
    const { codes, lines } = await judge(repository.writeTree(tree));
    assert.deepEqual(codes, [], lines.join('\n'));
  }
});

test('PUSH-23: a bomb is refused after as many reads as it has different trees', async () => {
  const bomb = hostileTrees.find(({ name }) => name.includes('2^40'))?.make(repository) ?? '';
  const before = process.memoryUsage().rss;
  await assert.rejects(source.diffTrees(emptyTreeId(), bomb), { code: 'PUSH_REFUSED' });
  assert.ok(process.memoryUsage().rss - before < 100 * 1024 ** 2);
});

test('PUSH-23: directories that are alike at hundreds of places are no bomb', async () => {
  const shared = { f: file('1'), g: { h: file('2') } };
  const many: TestTree = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`d${index}`, shared]));
  assert.deepEqual((await judge(repository.writeTree({ many }))).codes, []);
});

test('N57: only names that a push adds are judged, against all that are in their directory', async () => {
  const id = (tree: TestTree) => repository.writeTree(tree);
  const live = { README: file('1'), Readme: file('2'), docs: { a: file('1') }, Docs: { b: file('1') } };
  assert.deepEqual(
    (await judge(id({ ...live, other: file('1') }), id(live))).codes,
    [],
    'what is live is no news',
  );
  assert.deepEqual(
    (await judge(id({ ...live, docs: { a: file('1'), new: file('1') } }), id(live))).codes,
    [],
  );
  const second = await judge(id({ ...live, readme: file('3') }), id(live));
  assert.match(second.lines[1] ?? '', /"readme" and "README" are one name.*\[NAME_CLASH\]/);
  assert.deepEqual((await judge(id({ ...live, docs: { a: file('1'), A: file('2') } }), id(live))).codes, [
    'NAME_CLASH',
  ]);
  const { README: _, ...renamed } = { ...live, ReadMe: file('1') };
  assert.deepEqual(
    (await judge(id({ ReadMe: file('1') }), id({ README: file('1') }))).codes,
    [],
    'a change of case alone',
  );
  assert.deepEqual((await judge(id(renamed), id(live))).codes, ['NAME_CLASH']);
  assert.deepEqual(
    (await judge(id({ ...live, readme: file('3') }), id(live), true)).codes,
    [],
    'the policy allows it',
  );
});

test('N57: folding is Unicode’s, and the Turkish dotless i is a letter of its own', () => {
  for (const [one, other] of [
    ['A', 'a'],
    ['\u00c9', 'e\u0301'],
    ['\u1e9e', 'ss'],
    ['\u0130', 'i\u0307'],
    ['\u03a3', '\u03c2'],
    ['\u212b', '\u00e5'],
  ] as const) {
    assert.equal(foldName(one), foldName(other), `${one} ${other}`);
  }
  assert.notEqual(foldName('\u0131'), foldName('i'));
  assert.notEqual(foldName('\u0131'), foldName('I'));
  assert.notEqual(foldName('a'), foldName('b'));
});
