// Twins of changed files: which, with what bytes, and that nothing outside the tree is read.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { BeforeSwitchEvent, PathChange } from '../api/hooks.ts';
import { twinsSchema, writeTwins } from './write-twins.ts';

const base = mkdtempSync(join(tmpdir(), 'treecast-twins-'));
after(() => rmSync(base, { recursive: true, force: true }));

function release(files: Readonly<Record<string, string>>, changed: readonly string[] | null) {
  const directory = mkdtempSync(join(base, 'tree-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  const twins = new Map<string, Buffer>();
  const changes: PathChange[] | null =
    changed?.map((path) =>
      path in files
        ? { path, kind: 'changed', before: 'a', after: 'b' }
        : { path, kind: 'deleted', before: 'a', after: null },
    ) ?? null;
  const event: BeforeSwitchEvent = {
    site: 'docs',
    directory: base,
    liveLink: join(base, 'live'),
    kind: 'publish',
    from: null,
    to: { tree: 'a'.repeat(40), release: '1-0001', directory },
    changes: () => Promise.resolve(changes),
    writeTwin: (path, suffix, bytes) => {
      assert.ok(!existsSync(join(directory, path + suffix)), `${path}${suffix} is the tree's own`);
      twins.set(path + suffix, Buffer.from(bytes));
      writeFileSync(join(directory, path + suffix), bytes);
      return Promise.resolve();
    },
  };
  return { event, twins, directory };
}

const text = 'body { color: black }\n'.repeat(200);
const noise = Buffer.from(
  Array.from({ length: 4096 }, (_, index) => (index * 7919 * (index % 251)) % 256),
).toString('latin1');

test('changed files that are worth it get twins that unpack to their bytes', async () => {
  const { event, twins } = release(
    { 'a.css': text, 'b.css': text, 'small.css': 'a{}', 'photo.jpg': text, 'deep/c.html': text },
    ['a.css', 'small.css', 'photo.jpg', 'gone.css', 'deep/c.html'],
  );
  const policy = twinsSchema.parse({ encodings: ['gzip', 'br', 'zstd'] });
  const { written, bytes } = await writeTwins(event, policy);
  assert.deepEqual([...twins.keys()].sort(), [
    'a.css.br',
    'a.css.gz',
    'a.css.zst',
    'deep/c.html.br',
    'deep/c.html.gz',
    'deep/c.html.zst',
  ]);
  assert.equal(written, 6);
  assert.equal(
    bytes,
    [...twins.values()].reduce((sum, twin) => sum + twin.length, 0),
  );
  const of = (name: string): Buffer => twins.get(name) ?? Buffer.alloc(0);
  assert.equal(gunzipSync(of('a.css.gz')).toString(), text);
  assert.equal(brotliDecompressSync(of('a.css.br')).toString(), text);
  assert.equal(zstdDecompressSync(of('a.css.zst')).toString(), text);
  assert.deepEqual(
    [...of('a.css.gz').subarray(4, 8)],
    [0, 0, 0, 0],
    'no time in the header: the same on every node',
  );
});

test('when the changes are not known every file counts; called again nothing is written', async () => {
  const { event, twins } = release(
    { 'a.css': text, 'deep/b.css': text, 'own.css': text, 'own.css.gz': 'own' },
    null,
  );
  assert.equal((await writeTwins(event, twinsSchema.parse({}))).written, 2);
  assert.deepEqual([...twins.keys()].sort(), ['a.css.gz', 'deep/b.css.gz']);
  assert.equal((await writeTwins(event, twinsSchema.parse({}))).written, 0);
});

test('what does not shrink gets none; symlinks are not read; a stop is heeded', async () => {
  const { event, twins, directory } = release({ 'noise.css': noise }, [
    'noise.css',
    'link.css',
    'dir/a.css',
    '../a.css',
  ]);
  writeFileSync(join(base, 'outside.css'), text);
  writeFileSync(join(base, 'a.css'), text);
  symlinkSync(join(base, 'outside.css'), join(directory, 'link.css'));
  symlinkSync(base, join(directory, 'dir'));
  const known = await event.changes();
  const all: BeforeSwitchEvent = {
    ...event,
    changes: () =>
      Promise.resolve((known ?? []).map(({ path }) => ({ path, kind: 'added', before: null, after: 'b' }))),
  };
  assert.equal((await writeTwins(all, twinsSchema.parse({ shareMax: 0.5 }))).written, 0);
  assert.equal(twins.size, 0);
  await assert.rejects(writeTwins(all, twinsSchema.parse({}), AbortSignal.abort(new Error('stop'))), /stop/);
});
