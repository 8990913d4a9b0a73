import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { emptyTreeIds } from '../model/tree.ts';
import { blobIdOf, createBlobHash, decodeTree, encodeTree, treeIdOf, treeIdOfBytes } from './object-id.ts';

const nameArbitrary = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    fc.constantFrom('a', 'a.b', 'a-b', 'a0', 'a b', '\ufb33', '\u{1f600}'),
  )
  .filter((name) => !/[/\0]/.test(name) && name.isWellFormed() && !['.', '..'].includes(name));

const directoryArbitrary = (hexLength: 40 | 64) =>
  fc.uniqueArray(
    fc.record({
      name: nameArbitrary,
      mode: fc.constantFrom('100644', '100755', '120000', '40000'),
      id: fc.string({
        unit: fc.constantFrom(...'0123456789abcdef'),
        minLength: hexLength,
        maxLength: hexLength,
      }),
    }),
    { selector: (entry) => entry.name, maxLength: 30 },
  );

for (const [format, hexLength] of [
  ['sha1', 40],
  ['sha256', 64],
] as const) {
  describe(`object ids, ${format}`, () => {
    test('blob and tree ids equal those of git', (t) => {
      const repository = mkdtempSync(join(tmpdir(), 'treecast-ids-'));
      t.after(() => rmSync(repository, { recursive: true }));
      const git = (args: string[], input: Uint8Array) =>
        execFileSync('git', ['-C', repository, ...args], { input })
          .toString()
          .trim();
      git(['init', '-q', `--object-format=${format}`], Buffer.alloc(0));
      const like = '0'.repeat(hexLength);
      for (const bytes of [Buffer.alloc(0), Buffer.from('hello\n'), Buffer.alloc(300_000, 7)]) {
        assert.equal(blobIdOf(bytes, like), git(['hash-object', '--stdin'], bytes));
        const running = createBlobHash(bytes.length, hexLength);
        running.update(bytes.subarray(0, 3));
        running.update(bytes.subarray(3));
        assert.equal(running.digest(), blobIdOf(bytes, like));
      }
      for (const entries of fc.sample(directoryArbitrary(hexLength), { numRuns: 25, seed: 2 })) {
        const listing = entries.map((e) => {
          const type = e.mode === '40000' ? 'tree' : 'blob';
          return `${e.mode} ${type} ${e.id}\t${e.name}\0`;
        });
        assert.equal(
          treeIdOf(entries, hexLength),
          git(['mktree', '--missing', '-z'], Buffer.from(listing.join(''))),
        );
      }
      assert.ok(emptyTreeIds.includes(treeIdOf([], hexLength)));
    });

    test('a tree object decodes to the entries it was made of, in Git order', () => {
      fc.assert(
        fc.property(directoryArbitrary(hexLength), (entries) => {
          const body = encodeTree(entries);
          const decoded = decodeTree(body, hexLength);
          assert.deepEqual(
            new Set(decoded.map((e) => JSON.stringify(e))),
            new Set(entries.map((e) => JSON.stringify(e))),
          );
          assert.deepEqual(encodeTree(decoded), body);
          assert.equal(treeIdOfBytes(body, hexLength), treeIdOf(entries, hexLength));
        }),
      );
    });
  });
}

test('bytes that are no tree object are refused with a code, never with a crash', () => {
  const whole = encodeTree([{ name: 'index.html', mode: '100644', id: 'a'.repeat(40) }]);
  for (let length = 1; length < whole.length; length++) {
    assert.throws(() => decodeTree(whole.subarray(0, length)), { code: 'STATE_CORRUPT' });
  }
  const notUtf8 = Buffer.from(whole);
  notUtf8[8] = 0xff;
  assert.throws(() => decodeTree(notUtf8), { code: 'PATH_NOT_UTF8' });
  assert.throws(() => encodeTree([{ name: 'a/b', mode: '100644', id: 'a'.repeat(40) }]), { code: 'BUG' });
  assert.throws(() => createBlobHash(3).digest(), { code: 'BUG' });
});
