import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describeAssignment } from '../assignment/describe-assignment.ts';
import { blobIdOf } from '../assignment/object-id.ts';
import type { BuiltAssignment } from './build-assignments.ts';
import { applyAssignments, buildBetween, type FixtureTree, fileTree } from './build-fixture.ts';
import { createBuildPool } from './build-pool.ts';
import { createContentPolicy } from './content-policy.ts';
import { pluginCommands } from './plugin-commands.ts';

const pool = createBuildPool({ threads: 2 });
after(() => pool.close());
let outputDirectory: string;
beforeEach(() => {
  outputDirectory = mkdtempSync(join(tmpdir(), 'treecast-build-'));
});
// A small assignment's files may still be on their way when its test has ended.
afterEach(() => rmSync(outputDirectory, { recursive: true, maxRetries: 20, retryDelay: 20 }));

const empty: FixtureTree = new Map();
const page = (text: string) =>
  Buffer.from(`<!doctype html><title>${text}</title>${`<p>${text}</p>\n`.repeat(900)}`);
const commandsOf = (built: BuiltAssignment) => describeAssignment(readFileSync(built.manifestPath)).commands;

const treeArbitrary: fc.Arbitrary<FixtureTree> = fc
  .array(
    fc.tuple(
      fc.array(fc.constantFrom('a', 'b', 'index.html', 'p.png'), { minLength: 1, maxLength: 3 }),
      fc.constantFrom('100644', '100755', '120000'),
      fc.oneof(
        fc.constantFrom('one', 'two', 'x'.repeat(5000)),
        fc.string({ unit: 'grapheme', minLength: 1 }),
      ),
    ),
    { maxLength: 8 },
  )
  .map((rows) => {
    const tree = new Map<string, { mode: string; bytes: Buffer }>();
    for (const [names, mode, text] of rows) {
      const path = names.join('/');
      const clashes = [...tree.keys()].some(
        (other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`),
      );
      const content = mode === '120000' ? text.replaceAll('\0', '_').slice(0, 1000).toWellFormed() : text;
      if (!clashes) tree.set(path, { mode, bytes: Buffer.from(content) });
    }
    return tree;
  });

describe('builder', () => {
  test('R2.1 R2.2: for any two trees, executing what was built turns one into the other', async () => {
    await fc.assert(
      fc.asyncProperty(treeArbitrary, treeArbitrary, async (base, target) => {
        const built = await buildBetween(base, target, { pool, outputDirectory });
        assert.deepEqual(await applyAssignments(built, base), new Map(target));
      }),
      { numRuns: 40 },
    );
  });

  test('R2.2: a one-file edit is one patch of a few bytes, and travels inside its notification', async () => {
    const before = page('before');
    const edited = Buffer.concat([
      before.subarray(0, 9000),
      Buffer.from('<b>new</b>'),
      before.subarray(9000),
    ]);
    const base = fileTree({ 'index.html': before, 'a.css': 'body {}' });
    const target = fileTree({ 'index.html': edited, 'a.css': 'body {}' });
    const built = await buildBetween(base, target, { pool, outputDirectory });
    assert.equal(built.length, 1);
    const [only] = built as [BuiltAssignment];
    assert.ok(only.inline !== undefined && only.dataBytes < 200 && only.manifestBytes < 1500);
    assert.deepEqual(only.header.counts, { patch: 1 });
    assert.deepEqual(await applyAssignments(built, base), target);
  });

  test('R2.3: codec and cipher follow the policy by glob; identical contents travel once', async () => {
    const gif = page('pretend picture');
    const target = fileTree({
      'img/a.gif': gif,
      'img/b.gif': gif,
      'page.html': page('text'),
      'old.txt': page('zipped'),
    });
    const policy = createContentPolicy({
      compression: [
        { glob: '*.gif', codec: 'store' },
        { glob: 'old*', codec: 'deflate' },
      ],
      encryption: [{ glob: 'img/**', cipher: 'none' }],
    });
    const built = await buildBetween(empty, target, { pool, outputDirectory, policy });
    assert.deepEqual(await applyAssignments(built, empty), target);
    const [only] = built as [BuiltAssignment];
    const seen = commandsOf(only).flatMap((c) =>
      c.do === 'write' ? [`${c.path} ${c.data.codec} ${c.data.cipher}`] : [],
    );
    assert.deepEqual(seen, [
      'img/a.gif store none',
      'img/b.gif store none',
      'old.txt deflate aes-256-gcm',
      'page.html zstd aes-256-gcm',
    ]);
    assert.equal(only.header.data.plainPayloadBytes, gif.length);
  });

  test('R2.5: the commands of the policy for plugins end the assignment, in order, in its last part, and take no space', async () => {
    const target = fileTree({ 'a.bin': randomBytes(3_000), 'b.bin': randomBytes(3_000) });
    const commands = [
      { name: 'nginx.site', parameters: { root: 'public', deep: { list: [1, null, 'ü'] } } },
      { name: 'install.program', parameters: {} },
    ];
    const plain = await buildBetween(empty, target, { pool, outputDirectory, partBytesMax: 4_000 });
    const built = await buildBetween(empty, target, {
      pool,
      outputDirectory,
      partBytesMax: 4_000,
      extra: pluginCommands(commands),
    });
    assert.equal(built.length, 2);
    await Promise.all([...plain, ...built].map((part) => part.stored));
    assert.deepEqual(
      built.map((part) => commandsOf(part).map((c) => (c.do === 'plugin' ? [c.name, c.parameters] : c.do))),
      [
        ['write'],
        ['write', ['nginx:site', commands[0]?.parameters], ['install:program', commands[1]?.parameters]],
      ],
    );
    assert.deepEqual(
      built.map((part) => part.header.space.inodes),
      plain.map((part) => part.header.space.inodes),
    );
    assert.deepEqual(await applyAssignments(built, empty), target);
  });

  test('R2.4 R2.8: large builds go through files and workers; large files are streamed, stored or compressed', async () => {
    const files: Record<string, Buffer> = {
      'noise.bin': randomBytes(9 * 1024 ** 2),
      'log.txt': Buffer.alloc(9 * 1024 ** 2, 'a line of a log that compresses well\n'),
      'movie.mp4': Buffer.alloc(9 * 1024 ** 2, 1),
      'plain/noise.bin': randomBytes(300_000),
    };
    for (let i = 0; i < 40; i++)
      files[`pages/${i}.html`] = Buffer.concat([randomBytes(20_000), page(`page ${i}`)]);
    const target = fileTree(files);
    const policy = createContentPolicy({
      compression: [],
      encryption: [{ glob: 'plain/**', cipher: 'none' }],
    });
    const readBlob = delayed(target);
    const built = await buildBetween(empty, target, { pool, outputDirectory, policy, ...readBlob });
    assert.deepEqual(await applyAssignments(built, empty), target);
    const [only] = built as [BuiltAssignment];
    assert.equal(only.inline, undefined);
    const codecs = new Map(
      commandsOf(only).flatMap((c) => (c.do === 'write' ? [[c.path, c.data.codec]] : [])),
    );
    assert.deepEqual(
      ['noise.bin', 'log.txt', 'movie.mp4'].map((path) => codecs.get(path)),
      ['store', 'zstd', 'store'],
    );
    assert.deepEqual(readdirSync(outputDirectory).sort(), [`${only.id}.data`, `${only.id}.manifest`]);
  });

  test('R2.4 ASG-4: beyond the limit a build splits into parts of one release, each under its own data key', async () => {
    const files = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`f${i}`, randomBytes(100_000)]));
    const target = fileTree({ ...files, again: files['f0'] as Buffer });
    for (const partBytesMax of [250_000, 1_000_000]) {
      const built = await buildBetween(empty, target, { pool, outputDirectory, partBytesMax });
      assert.equal(built.length, partBytesMax === 250_000 ? 5 : 1);
      assert.equal(new Set(built.map(({ header }) => header.key?.wrapped)).size, built.length);
      for (const { header } of built) assert.ok(header.data.sealedPayloadBytes <= partBytesMax);
      assert.deepEqual(await applyAssignments(built, empty), target);
    }
  });

  test('R2.4: a file that fits in no part is refused, and no file stays behind', async () => {
    const target = fileTree({ a: randomBytes(1000), b: randomBytes(2_000_000) });
    await assert.rejects(buildBetween(empty, target, { pool, outputDirectory, partBytesMax: 500_000 }), {
      code: 'ASSIGNMENT_TOO_LARGE',
    });
    assert.deepEqual(readdirSync(outputDirectory), []);
  });

  test('an abort or a failing reader ends the build, and no file stays behind', async () => {
    const target = fileTree(
      Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, randomBytes(200_000)])),
    );
    const reason = new Error('not wanted any more');
    const controller = new AbortController();
    let reads = 0;
    const readBlob = async () => {
      if (++reads === 12) controller.abort(reason);
      return randomBytes(200_000);
    };
    await assert.rejects(
      buildBetween(empty, target, { pool, outputDirectory, readBlob, signal: controller.signal }),
      reason,
    );
    const failing = async () => {
      if (++reads > 25) throw reason;
      return randomBytes(200_000);
    };
    reads = 0;
    await assert.rejects(buildBetween(empty, target, { pool, outputDirectory, readBlob: failing }), reason);
    assert.deepEqual(readdirSync(outputDirectory), []);
  });

  test('R2.6: the header says what the node needs: inbox, decoded bytes, inodes', async () => {
    const target = fileTree({ 'a/one': randomBytes(5000), 'a/two': '2' });
    const [built] = (await buildBetween(empty, target, { pool, outputDirectory })) as [BuiltAssignment];
    assert.deepEqual(built.header.space, {
      inboxBytes: 4096 + 8192,
      decodedBytes: 8192 + 4096,
      temporaryBytes: 8192,
      inodes: 3,
    });
    assert.ok(built.manifestBytes + built.dataBytes <= built.header.space.inboxBytes);
  });

  test('symlinks whose targets no system can follow are refused', async () => {
    const link = (target: Buffer): FixtureTree => new Map([['link', { mode: '120000', bytes: target }]]);
    const attempt = (target: Buffer) => buildBetween(empty, link(target), { pool, outputDirectory });
    for (const target of ['', 'a\0b', 'x'.repeat(4096)]) {
      await assert.rejects(attempt(Buffer.from(target)), { code: 'PATH_FORBIDDEN' });
    }
    await assert.rejects(attempt(Buffer.from([0x61, 0xff])), { code: 'PATH_NOT_UTF8' });
  });

  test('R2.1: nothing to do is an assignment without commands', async () => {
    const tree = fileTree({ a: 'a' });
    const built = await buildBetween(tree, tree, { pool, outputDirectory });
    assert.deepEqual(
      built.map(({ header }) => header.counts),
      [{}],
    );
    assert.deepEqual(await applyAssignments(built, tree), tree);
  });
});

/** Reads that finish in another order than they were asked for. */
function delayed(tree: FixtureTree) {
  const contents = new Map<string, Buffer>();
  let asked = 0;
  for (const { bytes } of tree.values()) contents.set(blobIdOf(bytes), bytes);
  return {
    readBlob: async (id: string) => {
      for (let turns = asked++ % 5; turns > 0; turns--) await turn();
      return contents.get(id) as Buffer;
    },
  };
}
