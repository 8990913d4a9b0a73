import assert from 'node:assert/strict';
import { randomBytes, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { TreecastError } from '../model/treecast-error.ts';
import { blockCount, blockRange, verifyBlock } from './block-layout.ts';
import { canonicalJson } from './canonical-json.ts';
import {
  commandsArbitrary,
  fixtureContentKey,
  fixtureFacts,
  fixtureSeal,
  fixtureSigningKey,
  fixtureVerify,
  understand,
} from './container-fixture.ts';
import { type CommandInput, encodeAssignment } from './encode-assignment.ts';
import { assignmentId } from './manifest-encoder.ts';
import { joinManifest, splitManifest } from './manifest-frame.ts';
import { readManifest } from './read-manifest.ts';

const file = (
  bytes: Uint8Array,
  cipher: 'aes-256-gcm' | 'none' = 'aes-256-gcm',
  path = 'index.html',
): CommandInput => ({
  command: { do: 'write', path, mode: '100644', blob: 'a'.repeat(40), size: bytes.length, mtime: 1 },
  payload: { codec: 'store', cipher, bytes },
});

const read = (manifest: Uint8Array) => readManifest(manifest, { verifySignature: fixtureVerify });

/** A manifest with a changed header or body, correctly hashed, identified and signed: what only a broken CCM would send. */
function resigned(
  manifest: Uint8Array,
  change: (header: Record<string, unknown>) => void,
  body?: Uint8Array,
): Buffer {
  const frame = splitManifest(manifest);
  const header = JSON.parse(frame.header.toString()) as Record<string, unknown>;
  change(header);
  const { id: _, ...rest } = header;
  const newBody = body ?? frame.body;
  header['id'] = assignmentId(rest as never, newBody);
  return joinManifest(Buffer.from(canonicalJson(header)), newBody, (bytes) =>
    sign(null, bytes, fixtureSigningKey),
  );
}

describe('assignment container', () => {
  test('ASG-14: a body is proven by one complete pass; a pass that was broken off proves nothing', () => {
    const encoded = encodeAssignment(
      fixtureFacts,
      [file(Buffer.from('1')), file(Buffer.from('2'))],
      fixtureSeal,
    );
    const lying = read(
      resigned(encoded.manifest, (header) => {
        header['counts'] = { write: 3 };
      }),
    );
    for (const _ of lying.commands()) break;
    assert.throws(() => [...lying.commands()], { code: 'ASSIGNMENT_MALFORMED' });
    assert.throws(() => [...lying.commands()], { code: 'ASSIGNMENT_MALFORMED' }, 'and again');
    const honest = read(encoded.manifest);
    assert.deepEqual([...honest.commands()], [...honest.commands()]);
  });

  test('ASG-1 ASG-14 ASG-20: what was encoded is what is read, for any commands and payload sizes', () => {
    fc.assert(
      fc.property(commandsArbitrary, (input) => {
        const { manifest, data, header } = encodeAssignment(fixtureFacts, input, fixtureSeal);
        const read = understand(manifest, data);
        assert.deepEqual(read.header, header);
        assert.equal(read.commands.length, input.length);
        for (const [i, { command, payload }] of input.entries()) {
          const got = { ...(read.commands[i] as unknown as Record<string, unknown>) };
          const place = got['data'] as { codec: string; cipher: string } | undefined;
          delete got['data'];
          assert.deepEqual(got, command);
          assert.equal(place?.codec, payload?.codec);
          assert.equal(place?.cipher, payload?.cipher);
          if (payload !== undefined) assert.ok(read.payloads.get(i)?.equals(payload.bytes));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('ASG-2: encoding is deterministic given the input and the data key', () => {
    const input = [file(Buffer.alloc(200_000, 1)), file(Buffer.alloc(140_000, 2), 'none', 'b.gif')];
    const a = encodeAssignment(fixtureFacts, input, fixtureSeal);
    const b = encodeAssignment(fixtureFacts, input, fixtureSeal);
    assert.deepEqual(a, b);
    const c = encodeAssignment(fixtureFacts, input, { ...fixtureSeal, dataKey: Buffer.alloc(32, 8) });
    assert.notEqual(a.header.id, c.header.id);
  });

  test('ASG-6: any flipped bit, and any truncation, of a manifest is refused with a code', () => {
    const { manifest } = encodeAssignment(fixtureFacts, [file(Buffer.from('hello'))], fixtureSeal);
    for (let at = 0; at < manifest.length; at++) {
      const changed = Buffer.from(manifest);
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      assert.throws(() => [...read(changed).commands()], TreecastError, `byte ${at}`);
      assert.throws(() => read(manifest.subarray(0, at)), TreecastError);
    }
    assert.throws(() => read(Buffer.concat([manifest, Buffer.alloc(1)])), { code: 'ASSIGNMENT_MALFORMED' });
  });

  test('ASG-22: a flipped bit, a truncated block and exchanged blocks of data are refused by the signed hashes, without keys', () => {
    const bytes = randomBytes(300_000);
    const { header, data } = encodeAssignment(
      fixtureFacts,
      [file(bytes), file(randomBytes(300_000), 'none', 'p')],
      fixtureSeal,
    );
    assert.equal(blockCount(header), 6);
    const blockAt = (index: number) => {
      const { offset, length } = blockRange(header, index);
      return Buffer.from(data.subarray(offset, offset + length));
    };
    for (let index = 0; index < 6; index++) {
      const block = blockAt(index);
      verifyBlock(header, index, block);
      const corrupt = { code: 'ASSIGNMENT_BLOCK_CORRUPT' };
      for (const at of [0, 1, block.length >> 1, block.length - 1]) {
        block.writeUInt8(block.readUInt8(at) ^ 1, at);
        assert.throws(() => verifyBlock(header, index, block), corrupt);
        block.writeUInt8(block.readUInt8(at) ^ 1, at);
      }
      assert.throws(() => verifyBlock(header, index, block.subarray(1)), corrupt);
      for (let other = 0; other < 6; other++) {
        if (other !== index) assert.throws(() => verifyBlock(header, index, blockAt(other)), corrupt);
      }
    }
    for (const index of [-1, 6, 0.5, Number.NaN]) {
      assert.throws(() => verifyBlock(header, index, blockAt(0)), { code: 'ASSIGNMENT_BLOCK_CORRUPT' });
    }
  });

  test('ASG-24 ASG-25: sealed blocks show nothing of the content and open only with the content key', () => {
    const secret = Buffer.from('the secret sentence '.repeat(20));
    const { manifest, data } = encodeAssignment(fixtureFacts, [file(secret)], fixtureSeal);
    assert.equal(data.includes('secret'), false);
    const other = { id: fixtureContentKey.id, key: randomBytes(32).toString('base64') };
    assert.throws(() => understand(manifest, data, [other]), { code: 'ASSIGNMENT_KEY_UNKNOWN' });
    assert.throws(() => understand(manifest, data, []), { code: 'ASSIGNMENT_KEY_UNKNOWN' });
    assert.ok(
      understand(manifest, data, [{ ...other, id: 'older' }, fixtureContentKey])
        .payloads.get(0)
        ?.equals(secret),
    );
  });

  test('ASG-6: a manifest that no trusted key signed is refused before its header is believed', () => {
    const { manifest } = encodeAssignment(fixtureFacts, [], fixtureSeal);
    assert.throws(() => readManifest(manifest, { verifySignature: () => false }), {
      code: 'ASSIGNMENT_SIGNATURE_INVALID',
    });
  });

  test('ASG-8: unknown profiles and formats are refused with their own codes', () => {
    const { manifest } = encodeAssignment(fixtureFacts, [], fixtureSeal);
    assert.throws(
      () =>
        read(
          resigned(manifest, (h) => {
            h['profile'] = 'vms-1';
          }),
        ),
      { code: 'ASSIGNMENT_PROFILE_UNKNOWN' },
    );
    assert.throws(
      () =>
        read(
          resigned(manifest, (h) => {
            h['format'] = 2;
          }),
        ),
      { code: 'PROTOCOL_VERSION' },
    );
    const magic = Buffer.from(manifest);
    magic[3] = 0x32;
    assert.throws(() => read(magic), { code: 'PROTOCOL_VERSION' });
    assert.throws(() => readManifest(manifest, { verifySignature: fixtureVerify, profiles: ['other'] }), {
      code: 'ASSIGNMENT_PROFILE_UNKNOWN',
    });
  });

  test('ASG-9 to ASG-13: a signed header that breaks a rule is refused, all problems named together', () => {
    const { manifest } = encodeAssignment(fixtureFacts, [file(Buffer.alloc(10))], fixtureSeal);
    const changes: [string, (header: Record<string, unknown>) => void][] = [
      [
        'unknown field',
        (h) => {
          h['extra'] = 1;
        },
      ],
      [
        'site',
        (h) => {
          h['site'] = '../x';
        },
      ],
      [
        'release',
        (h) => {
          h['release'] = { epoch: -1, sequence: 1 };
        },
      ],
      [
        'part',
        (h) => {
          h['part'] = { index: 3, of: 2 };
        },
      ],
      [
        'baseTree',
        (h) => {
          h['baseTree'] = 'x'.repeat(40);
        },
      ],
      [
        'object formats',
        (h) => {
          h['baseTree'] = 'a'.repeat(64);
        },
      ],
      [
        'counts',
        (h) => {
          h['counts'] = { write: 1, launch: 1 };
        },
      ],
      [
        'bytes',
        (h) => {
          h['data'] = { ...(h['data'] as object), bytes: 11 };
        },
      ],
      [
        'sealedBlocks',
        (h) => {
          h['data'] = { ...(h['data'] as object), sealedBlocks: 2 };
        },
      ],
      [
        'hashes',
        (h) => {
          h['data'] = { ...(h['data'] as object), hashes: '' };
        },
      ],
      [
        'key',
        (h) => {
          h['key'] = null;
        },
      ],
      [
        'plain bytes',
        (h) => {
          h['data'] = { ...(h['data'] as object), plainPayloadBytes: 2 ** 33 };
        },
      ],
    ];
    for (const [word, change] of changes) {
      assert.throws(
        () => read(resigned(manifest, change)),
        (error: TreecastError) =>
          error.code === 'ASSIGNMENT_MALFORMED' && (word === 'unknown field' || error.message.includes(word)),
        word,
      );
    }
    assert.throws(
      () =>
        read(
          resigned(manifest, (h) => {
            h['site'] = '';
            h['createdAt'] = 'now';
          }),
        ),
      (error: TreecastError) => (error.data as { problems: string[] }).problems.length === 2,
    );
  });

  test('ASG-5: a header that is not canonical JSON is refused', () => {
    const { manifest } = encodeAssignment(fixtureFacts, [], fixtureSeal);
    const { header, body } = splitManifest(manifest);
    const spaced = Buffer.from(header.toString().replace(':', ': '));
    const bytes = joinManifest(spaced, body, (signed) => sign(null, signed, fixtureSigningKey));
    assert.throws(() => read(bytes), /not canonical/);
  });

  test('ASG-15 to ASG-19: signed commands that break a rule are refused', () => {
    const { manifest } = encodeAssignment(fixtureFacts, [file(Buffer.alloc(10))], fixtureSeal);
    const data = { offset: 0, length: 10, codec: 'store', cipher: 'aes-256-gcm' };
    const write = { do: 'write', path: 'a', mode: '100644', blob: 'a'.repeat(40), size: 10, mtime: 1, data };
    const accepts = (command: unknown) => [
      ...read(resigned(manifest, () => {}, zstdCompressSync(`${JSON.stringify(command)}\n`))).commands(),
    ];
    assert.equal(accepts(write).length, 1);
    const bad: unknown[] = [
      ...[
        '',
        '/a',
        'a//b',
        'a/',
        './a',
        'a/../b',
        '..',
        '.git/config',
        'a/.GIT',
        '.git /x',
        'git~1',
        '.g\u200cit',
        '.git::$INDEX_ALLOCATION/x',
        'a\0b',
        'é'.repeat(128),
        `${'a/'.repeat(2048)}a`,
      ].map((path) => ({ ...write, path })),
      { ...write, mode: '120000' },
      { ...write, mode: '100600' },
      { ...write, blob: 'a'.repeat(64) },
      { ...write, blob: 'A'.repeat(40) },
      { ...write, size: -1 },
      { ...write, size: 11 },
      { ...write, mtime: 1.5 },
      { ...write, extra: true },
      { ...write, data: { ...data, offset: 1 } },
      { ...write, data: { ...data, cipher: 'none' } },
      { ...write, data: { ...data, codec: 'zstd' } },
      { ...write, data: { ...data, codec: 'zstd-base' } },
      { do: 'launch', path: 'a' },
      { do: 'remove', path: 'a' },
      [],
      null,
    ];
    for (const command of bad) {
      assert.throws(() => accepts(command), { code: 'ASSIGNMENT_MALFORMED' }, JSON.stringify(command));
    }
  });

  test('ASG-13: bodies that do not match the counts or the space are refused', () => {
    const one = encodeAssignment(fixtureFacts, [file(Buffer.alloc(10))], fixtureSeal).manifest;
    const { body } = splitManifest(one);
    assert.throws(
      () => [...read(resigned(one, () => {}, Buffer.concat([body, body]))).commands()],
      /more write commands/,
    );
    assert.throws(() => [...read(resigned(one, () => {}, Buffer.alloc(0))).commands()], /missing/);
    const cramped = resigned(one, (h) => {
      h['space'] = { ...(h['space'] as object), decodedBytes: 9 };
    });
    assert.throws(() => [...read(cramped).commands()], /more space/);
  });

  test('ASG-14: a body that is a decompression bomb, not zstd, not UTF-8 or cut in a line is refused', () => {
    const { manifest } = encodeAssignment(fixtureFacts, [], fixtureSeal);
    const attempt = (body: Uint8Array) => () => [...read(resigned(manifest, () => {}, body)).commands()];
    const bomb = zstdCompressSync(Buffer.alloc(100_000_000, 0x20));
    assert.throws(attempt(bomb), { code: 'ASSIGNMENT_MALFORMED' });
    const spaces = zstdCompressSync(Buffer.from(`${' '.repeat(1_000_000)}\n`));
    assert.throws(attempt(Buffer.concat(Array(200).fill(spaces))), TreecastError);
    assert.throws(attempt(Buffer.from('plain text')), { code: 'ASSIGNMENT_MALFORMED' });
    assert.throws(attempt(zstdCompressSync(Buffer.from([0xff, 0x0a]))), /UTF-8/);
    assert.throws(attempt(zstdCompressSync(Buffer.from('{}'))), /end of a line/);
    assert.throws(attempt(zstdCompressSync(Buffer.from('{}\n')).subarray(0, -1)), {
      code: 'ASSIGNMENT_MALFORMED',
    });
  });

  test('random bytes never crash the reader', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, framed) => {
        const all = framed ? Buffer.concat([Buffer.from('TCA1'), bytes]) : Buffer.from(bytes);
        assert.throws(() => readManifest(all, { verifySignature: () => true }), TreecastError);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (header, body) => {
        const all = joinManifest(header, body, () => Buffer.alloc(64));
        assert.throws(() => readManifest(all, { verifySignature: () => true }), TreecastError);
      }),
    );
  });
});
