import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { dataPlainBytesMax } from '../../assignment/header-schema.ts';
import { emptyTreeId, type TreeChange } from '../../model/tree.ts';
import { createNativeGitSource, type NativeGitSource } from '../native-git-source.ts';
import {
  createTestRepository,
  file,
  symlink,
  type TestRepository,
  type TestTree,
  utf8Name,
} from '../test-repository.ts';
import { fileBytesMax, pushBytesMax } from '../tree-limits.ts';
import { checkTree, type TreeCheckOptions } from './check-tree.ts';
import { checkContents } from './content-guard.ts';
import { renderViolations } from './render-violations.ts';
import { checkSymlinks } from './symlink-guard.ts';
import { type Violation, violationOf, violationsMax } from './violation.ts';

const limits: TreeCheckOptions = {
  deleteShareMax: 0.5,
  deleteFilesMin: 20,
  allowClashes: false,
  allowDelete: false,
};
const absentId = '1'.repeat(40);

describe('guards', () => {
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

  async function check(
    target: TestTree,
    base: TestTree = {},
    options: Partial<TreeCheckOptions> = {},
  ): Promise<Violation[]> {
    const [from, to] = [repository.writeTree(base), repository.writeTree(target)];
    const changes = await source.diffTrees(from, to);
    const baseId = Object.keys(base).length === 0 ? emptyTreeId() : from;
    return checkTree({ source, base: baseId, target: to, changes, options: { ...limits, ...options } });
  }

  async function summary(target: TestTree, base: TestTree = {}): Promise<string[]> {
    return (await check(target, base)).map((violation) => `${violation.code} ${violation.path}`);
  }

  test('PUSH-20 an honest tree with odd names passes', async () => {
    const names = [
      'a b',
      '.gitignore',
      '.github',
      '.gitattributes',
      '..a',
      'a..',
      '.well-known',
      '[...slug].vue',
      'git',
      'dev-disk\\x2d.unit',
      'a:b',
      'x.git',
      '😀',
      'n'.repeat(255),
      'new\nline',
    ];
    assert.deepEqual(
      await check(Object.fromEntries(names.map((name) => [utf8Name(name), { [utf8Name(name)]: file('1') }]))),
      [],
    );
  });

  for (const name of [
    '.',
    '..',
    '.git',
    '.GIT',
    '.Git',
    '.git ',
    '.git.',
    '.git . .',
    'git~1',
    'GIT~1',
    'git~1.',
    '.git::$INDEX_ALLOCATION',
    '.git:x',
    '.g\u200cit',
    '\ufeff.git',
    '.gi\u200ft',
    '.\u202egit',
    '.\u206f.',
    '.. ',
    '. .',
    '..:x',
    'a\\..\\b',
    '.git\\config',
    '..\\x',
  ]) {
    test(`PUSH-21 the name ${JSON.stringify(name)} is refused as a file and as a directory`, async () => {
      const bytes = utf8Name(name);
      assert.deepEqual(await summary({ d: { [bytes]: file('1') } }), [`PATH_FORBIDDEN d/${name}`]);
      assert.deepEqual(await summary({ [bytes]: { f: file('1') } }), [`PATH_FORBIDDEN ${name}/f`]);
    });
  }

  test('PUSH-22 names over 255 bytes are refused, counted in bytes', async () => {
    assert.deepEqual(await summary({ ['n'.repeat(256)]: file('1') }), [`PATH_FORBIDDEN ${'n'.repeat(256)}`]);
    assert.deepEqual(await summary({ [utf8Name('ü'.repeat(127))]: file('1') }), []);
    assert.deepEqual(await summary({ [utf8Name('ü'.repeat(128))]: file('1') }), [
      `PATH_FORBIDDEN ${'ü'.repeat(128)}`,
    ]);
  });

  test('PUSH-23 what the source will not read becomes a violation', async () => {
    const bad = repository.writeTree({ 'caf\xe9': file('1') });
    const error = await source.diffTrees(emptyTreeId(), bad).catch((thrown: unknown) => thrown);
    assert.equal(violationOf(error)?.code, 'PATH_NOT_UTF8');
    const absent = await source.diffTrees(emptyTreeId(), absentId).catch((thrown: unknown) => thrown);
    assert.ok(absent instanceof Error);
    assert.equal(violationOf(absent), undefined, 'not the author’s fault');
  });

  test('PUSH-23 a tree that names billions of files is refused in bounded time', async () => {
    let tree = repository.writeTree(
      Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`f${index}`, file('1')])),
    );
    for (let level = 0; level < 5; level += 1) {
      const entries = Array.from({ length: 100 }, (_, index) =>
        Buffer.concat([Buffer.from(`40000 d${String(index).padStart(2, '0')}\0`), Buffer.from(tree, 'hex')]),
      );
      tree = repository.writeObject('tree', Buffer.concat(entries));
    }
    const error = await source.diffTrees(emptyTreeId(), tree).catch((thrown: unknown) => thrown);
    assert.equal(violationOf(error)?.code, 'PUSH_REFUSED');
  });

  test('PUSH-24 symlinks that stay inside pass, also dangling ones and loops', async () => {
    const links = { '.': '.', file: 'f', up: 'd/../f', missing: 'no/../such', self: 'self', slash: 'd//./' };
    const tree = Object.fromEntries(
      Object.entries(links)
        .slice(1)
        .map(([name, target]) => [name, symlink(target)]),
    );
    assert.deepEqual(
      await check({
        ...tree,
        f: file('1'),
        d: { root: symlink('..'), back: symlink('../d/../f'), dot: symlink('.') },
      }),
      [],
    );
  });

  for (const [name, target] of Object.entries({
    up: '..',
    'up and back': '../live/f',
    absolute: '/etc/passwd',
    'lexically inside': 'deep/../..',
    missing: 'no/../../x',
    long: 'a/b/../../../x',
  })) {
    test(`PUSH-24 a symlink that leaves the tree is refused: ${name}`, async () => {
      // `deep` leads to the root, so `deep/..` is above it, whatever the text looks like.
      assert.deepEqual(await summary({ deep: symlink('.'), link: symlink(target) }), [
        'SYMLINK_ESCAPES link',
      ]);
    });
  }

  test('PUSH-24 symlinks are judged through other symlinks, as the kernel resolves them', async () => {
    const tree = { a: { b: { c: { f: file('1') } } }, to: symlink('a/b/c'), fine: symlink('to/../../b/c/f') };
    assert.deepEqual(await check(tree), []);
    const wrong = { x: { y: { shallow: symlink('../..') } }, link: symlink('x/y/shallow/../etc') };
    assert.deepEqual(await summary(wrong), ['SYMLINK_ESCAPES link']);
  });

  test('PUSH-44 a file of 4 GiB passes, one of a byte more is refused by name', async () => {
    // Git tells a loose object's size by its first bytes: what should follow is not missed.
    const claim = (id: string, size: number): string => {
      mkdirSync(join(repository.path, 'objects', id.slice(0, 2)), { recursive: true });
      writeFileSync(
        join(repository.path, 'objects', id.slice(0, 2), id.slice(2)),
        deflateSync(`blob ${size}\0${'x'.repeat(64)}`),
      );
      return id;
    };
    const judge = (size: number, id: string) =>
      checkContents(source, [{ path: 'film/a.iso', after: { mode: '100644', id: claim(id, size) } }]);
    assert.equal(fileBytesMax, dataPlainBytesMax, 'what an assignment can bring');
    assert.ok(pushBytesMax >= 2 * fileBytesMax, 'a push brings such a file, and what Git adds');
    assert.deepEqual(await judge(fileBytesMax, 'e'.repeat(40)), []);
    const [refused] = await judge(fileBytesMax + 1, 'f'.repeat(40));
    assert.deepEqual([refused?.code, refused?.path], ['FILE_TOO_LARGE', 'film/a.iso']);
    assert.match(refused?.text ?? '', /4294967297 bytes; a file may have 4294967296/);
  });

  test('PUSH-24 of symlinks that leave the tree no more are told than anybody reads, however many there are', async () => {
    const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`l${n}`, symlink('/x')]));
    const target = repository.writeTree(many);
    const changes = await source.diffTrees(emptyTreeId(), target);
    assert.equal((await checkSymlinks(source, target, changes, true)).length, violationsMax);
  });

  test('PUSH-25 removing or replacing one symlink re-judges the others', async () => {
    const base = { a: { b: { f: file('1') } }, to: symlink('a/b'), link: symlink('to/../../a') };
    assert.deepEqual(await check(base), []);
    const { to: _, ...without } = base;
    assert.deepEqual(await summary(without, base), ['SYMLINK_ESCAPES link']);
    assert.deepEqual(await summary({ ...without, to: file('x') }, base), ['SYMLINK_ESCAPES link']);
  });

  test('PUSH-25 a chain of more than 40 symlinks reaches nothing', async () => {
    const chain = (length: number) =>
      Object.fromEntries(
        Array.from({ length }, (_, index) => [
          `l${index}`,
          symlink(index === length - 1 ? 'd/../..' : `l${index + 1}`),
        ]),
      );
    const found = await check(chain(45));
    assert.equal(found.length, 40);
    assert.ok(
      !found.some((violation) => violation.path === 'l4') &&
        found.some((violation) => violation.path === 'l5'),
    );
  });

  test('PUSH-26 symlinks no server can make are refused', async () => {
    const tree = {
      empty: symlink(''),
      long: symlink('x/'.repeat(2_048)),
      nul: symlink('a\0b'),
      bytes: symlink(Buffer.from([0x61, 0xe9])),
    };
    assert.deepEqual((await summary(tree)).sort(), [
      'PATH_FORBIDDEN empty',
      'PATH_FORBIDDEN long',
      'PATH_FORBIDDEN nul',
      'PATH_NOT_UTF8 bytes',
    ]);
  });

  test('PUSH-27 LFS pointers and submodules are refused', async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;
    const tree = {
      'big.bin': file(pointer),
      'about-lfs.md': file(`See: ${pointer}`),
      'long.md': file(pointer + 'x'.repeat(1_024)),
      sub: { mode: '160000', content: '', id: absentId },
    };
    assert.deepEqual((await summary(tree)).sort(), ['LFS_POINTER big.bin', 'SUBMODULE sub']);
    assert.deepEqual(
      await summary({ ...tree, other: file('1') }, tree),
      [],
      'what is live was judged when it was pushed',
    );
  });

  test('PUSH-28 mass deletion: share and number, against what is live; allow-delete allows it', async () => {
    const files = (from: number, to: number): TestTree =>
      Object.fromEntries(
        Array.from({ length: to - from }, (_, index) => [`f${from + index}`, file(`${from + index}`)]),
      );
    const live = files(0, 40);
    assert.deepEqual(await check(files(0, 20), live), [], 'half is not more than half');
    const [violation] = await check(files(0, 19), live);
    assert.equal(violation?.code, 'MASS_DELETE');
    assert.match(
      `${violation?.text} ${violation?.fix}`,
      /21 of 40 live files \(53 %\).*git push -o allow-delete/s,
    );
    assert.deepEqual(await check(files(0, 19), live, { allowDelete: true }), []);
    assert.deepEqual(await check({}, files(0, 19)), [], 'fewer than 20 are never refused');
    assert.equal((await check({}, files(0, 20))).length, 1);
    assert.equal((await check({ moved: live }, live)).length, 1, 'a moved file is gone from its URL');
    assert.deepEqual(await check({ ...files(0, 40), f0: { x: file('1') } }, live), []);
  });

  test('PUSH-29 the refusal lists 20 problems and counts the rest; control characters are escaped', async () => {
    const names = Array.from(
      { length: 25 },
      (_, index) => [`l${String(index).padStart(2, '0')}`, symlink('/x')] as const,
    );
    const lines = renderViolations(
      await check({ 'a\u001b[31m\n': { '.git': file('1') }, ...Object.fromEntries(names) }),
    );
    assert.equal(lines[0], 'treecast: push refused, nothing was changed:');
    assert.match(lines[1] ?? '', /^ {2}"a\\u001b\[31m\\u000a\/\.git" has a component .* \[PATH_FORBIDDEN\]$/);
    assert.equal(lines[21], '  and 6 more');
    assert.equal(lines.length, 24, 'a line for each kind of remedy');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested
    assert.ok(lines.every((line) => !/[\x00-\x1f]/.test(line)));
  });

  test('PUSH-20 the cost is that of the change: unchanged parts are not read', async () => {
    const big = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`f${index}`, file(`${index}`)]),
    );
    const base = { big, link: symlink('big/f1'), page: file('1') };
    const [from, to] = [repository.writeTree(base), repository.writeTree({ ...base, page: file('2') })];
    const asked: string[] = [];
    const counting = {
      ...source,
      blobSizes(ids: readonly string[]) {
        asked.push(...ids);
        return source.blobSizes(ids);
      },
      readBlob(id: string) {
        asked.push(id);
        return source.readBlob(id);
      },
      listTree: (): never => assert.fail('the whole tree was listed'),
    };
    const changes: TreeChange[] = await source.diffTrees(from, to);
    assert.deepEqual(
      await checkTree({ source: counting, base: from, target: to, changes, options: limits }),
      [],
    );
    assert.equal(asked.length, 1);
  });
});
