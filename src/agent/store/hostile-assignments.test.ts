// Assignments of a CCM that lies, signed with the right key: each is refused with a code, within the memory and disk that were declared, and
// leaves nothing but what the next release makes good. One store takes them all, and publishes after.

import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { constants, deflateRawSync, zstdCompressSync } from 'node:zlib';
import { blockRange } from '../../assignment/block-layout.ts';
import { bodyLines } from '../../assignment/body-text.ts';
import { canonicalJson } from '../../assignment/canonical-json.ts';
import {
  fixtureContentKey,
  fixtureFacts,
  fixtureSeal,
  fixtureSigningKey,
  fixtureVerify,
} from '../../assignment/container-fixture.ts';
import { type CommandInput, encodeAssignment } from '../../assignment/encode-assignment.ts';
import { contentHash, joinManifest, splitManifest } from '../../assignment/manifest-frame.ts';
import { blobIdOf } from '../../assignment/object-id.ts';
import type { Codec } from '../../model/assignment.ts';
import { type ErrorCode, errorCodes } from '../../model/error-codes.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { createSiteStore } from './create-site-store.ts';
import type { SiteStore } from './site-store.ts';
import {
  commandsBetween,
  expectedOnDisk,
  type ModelTree,
  modelFile,
  modelTreeId,
  readDisk,
} from './testing/model-tree.ts';
import { decisionFor, kitGrant, makeRoot, release } from './testing/site-kit.ts';

const site = fixtureFacts.site;
const text = 'some page of the site\n'.repeat(50);
/** So much like it that a delta of it needs it. */
const edited = `${text.slice(0, 500)}edited${text.slice(500)}`;
const base: ModelTree = new Map([
  ['index.html', modelFile(text, 1)],
  ['a/page.html', modelFile('page', 1)],
  ['a/b/deep.html', modelFile('deep', 1)],
]);
const target: ModelTree = new Map([...base, ['new.html', modelFile('new', 2)]]);

let root: string;
let store: SiteStore;
let sequence = 1;

before(async () => {
  root = makeRoot();
  fs.writeFileSync(path.join(root, 'outside'), 'outside');
  store = await createSiteStore({
    root,
    site,
    grant: { ...kitGrant, site, contentKeys: [fixtureContentKey] },
    verifySignature: (bytes, signature) => fixtureVerify(bytes, signature) || isDecision(bytes),
  });
  await publish(new Map(), base);
});
after(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

/** Decisions of the kit are signed with its own key; what is tested here are assignments. */
function isDecision(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).includes('"decidedAt"');
}

const live = () => fs.realpathSync(path.join(root, site, 'live'));

async function publish(from: ModelTree, to: ModelTree): Promise<void> {
  const number = release(sequence++);
  const { manifest, data } = made({ commands: commandsBetween(from, to), from, to, number });
  await receiveAndStage(manifest, data);
  await store.decide({ ...decisionFor(number, modelTreeId(to)), site });
}

interface Lie {
  readonly commands?: readonly CommandInput[];
  /** Changes the header's fields, before it is signed. */
  readonly header?: (header: Record<string, unknown>) => unknown;
  /** Changes the text of the commands. */
  readonly lines?: (lines: string[]) => string[];
  readonly data?: (data: Buffer) => Buffer;
  /** Changes the bytes after all was signed. */
  readonly manifest?: (manifest: Buffer) => Buffer;
}

interface Made extends Lie {
  readonly from?: ModelTree;
  readonly to?: ModelTree;
  readonly number?: ReturnType<typeof release>;
}

function made({
  commands = [],
  from = base,
  to = target,
  number = release(sequence),
  header,
  lines,
  data,
  manifest,
}: Made) {
  const facts = {
    ...fixtureFacts,
    release: number,
    baseTree: modelTreeId(from),
    targetTree: modelTreeId(to),
    space: { decodedBytes: 64 * 1024 ** 2, temporaryBytes: 0, inodes: 3 },
  };
  const honest = encodeAssignment(facts, commands, fixtureSeal);
  const { header: head, body } = splitManifest(honest.manifest);
  const changedBody = lines
    ? zstdCompressSync(
        lines([...bodyLines(body)])
          .map((line) => `${line}\n`)
          .join(''),
      )
    : body;
  const { id: _, ...fields } = JSON.parse(head.toString()) as Record<string, unknown>;
  const changed = (header ? header(fields) : fields) as Record<string, unknown>;
  // Numbers that JSON cannot carry are spelled by their cases; the id then does not matter.
  const id = contentHash(Buffer.from(canonicalJson(changed)), changedBody).toString('hex');
  const signed = joinManifest(Buffer.from(canonicalJson({ ...changed, id })), changedBody, (bytes) =>
    sign(null, bytes, fixtureSigningKey),
  );
  return { manifest: manifest ? manifest(signed) : signed, data: data ? data(honest.data) : honest.data };
}

async function receiveAndStage(manifest: Buffer, data: Buffer): Promise<void> {
  const entry = await store.openInbox(manifest);
  for (const index of entry.missingBlocks()) {
    const { offset, length } = blockRange(entry.header, index);
    await entry.writeBlock(index, data.subarray(offset, offset + length));
  }
  await store.stage(entry, new AbortController().signal);
}

function write(
  name: string,
  bytes: Buffer | string,
  payload?: { codec: Codec; bytes: Buffer },
  more: object = {},
): CommandInput {
  const contents = Buffer.from(bytes as string);
  return {
    command: {
      do: 'write',
      path: name,
      mode: '100644',
      blob: blobIdOf(contents),
      size: contents.length,
      mtime: 2,
      ...more,
    },
    payload: { codec: 'store', cipher: 'aes-256-gcm', bytes: contents, ...payload },
  };
}

function patch(dictionary: string, more: object = {}): CommandInput {
  return {
    command: {
      do: 'patch',
      path: 'new.html',
      from: 'index.html',
      base: blobIdOf(Buffer.from(text)),
      mode: '100644',
      blob: blobIdOf(Buffer.from(edited)),
      size: edited.length,
      mtime: 2,
      ...more,
    },
    payload: {
      codec: 'zstd-base',
      cipher: 'aes-256-gcm',
      bytes: zstdCompressSync(edited, { dictionary: Buffer.from(dictionary) }),
    },
  };
}

const file = { mode: '100644', mtime: 2 } as const;
const good = [write('new.html', 'new')];
const zeros = Buffer.alloc(64 * 1024 ** 2);
const bomb = zstdCompressSync(zeros);
const wide = zstdCompressSync(Buffer.alloc(2 ** 20, 'x'), {
  params: { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_enableLongDistanceMatching]: 1 },
});
const skippable = Buffer.concat([Buffer.from('502a4d1804000000', 'hex'), Buffer.alloc(4)]);
const replaced = (from: string | RegExp, to: string) => (lines: string[]) =>
  lines.map((line) => line.replace(from, to));
const escapes = [
  '../outside',
  '/etc/passwd',
  'a/../../outside',
  'a//b',
  './x',
  '.git/config',
  'a/.GIT/x',
  'a\\u0000b',
  '',
  `${'x'.repeat(256)}`,
  'a/'.repeat(2_500),
];

const lies: Readonly<Record<string, Lie>> = {
  'a zstd bomb behind a small size': { commands: [write('new.html', 'new', { codec: 'zstd', bytes: bomb })] },
  'a deflate bomb behind a small size': {
    commands: [write('new.html', 'new', { codec: 'deflate', bytes: deflateRawSync(zeros) })],
  },
  'a bomb inside a bomb': {
    commands: [write('new.html', 'new', { codec: 'zstd', bytes: zstdCompressSync(bomb) })],
  },
  'a bomb that is declared, beyond the space that is': {
    commands: [write('new.html', 'new', { codec: 'zstd', bytes: bomb }, { size: 2 ** 30 })],
  },
  'a large file that ends early, in a stream': {
    commands: [
      write(
        'new.html',
        'new',
        { codec: 'zstd', bytes: zstdCompressSync(Buffer.alloc(5 * 1024 ** 2)) },
        { size: 6 * 1024 ** 2 },
      ),
    ],
  },
  'a large file of other bytes, in a stream': {
    commands: [
      write(
        'new.html',
        'new',
        { codec: 'zstd', bytes: zstdCompressSync(Buffer.alloc(6 * 1024 ** 2)) },
        { size: 6 * 1024 ** 2 },
      ),
    ],
  },
  'a window beyond the bound': { commands: [write('new.html', 'new', { codec: 'zstd', bytes: wide })] },
  'two frames for one file': {
    commands: [
      write('new.html', 'newnew', {
        codec: 'zstd',
        bytes: Buffer.concat([zstdCompressSync('new'), zstdCompressSync('ne')]),
      }),
    ],
  },
  'a skippable frame instead of the file': {
    commands: [write('new.html', 'new', { codec: 'zstd', bytes: skippable })],
  },
  'bytes behind the frame': {
    commands: [
      write('new.html', 'new', {
        codec: 'zstd',
        bytes: Buffer.concat([zstdCompressSync('new'), Buffer.from('more')]),
      }),
    ],
  },
  'noise instead of a frame': {
    commands: [write('new.html', 'new', { codec: 'deflate', bytes: Buffer.alloc(100, 0xa5) })],
  },
  'a delta against other bytes': {
    commands: [patch(text.toUpperCase())],
  },
  'a delta against a base that is not there': {
    commands: [patch(text, { from: 'nowhere' })],
  },
  'a delta against a base of another id': {
    commands: [patch(text, { base: '1'.repeat(40) })],
  },
  'a size of 2^53': { commands: good, lines: replaced('"size":3', '"size":9007199254740992') },
  'a size of 2^60': { commands: good, lines: replaced('"size":3', '"size":1152921504606846976') },
  'a size below zero': { commands: good, lines: replaced('"size":3', '"size":-3') },
  'a size with a fraction': { commands: good, lines: replaced('"size":3', '"size":3.5') },
  'a size that is no number': { commands: good, lines: replaced('"size":3', '"size":"3"') },
  'a size without end': { commands: good, lines: replaced('"size":3', '"size":1e999') },
  'an offset outside of the data': { commands: good, lines: replaced('"offset":0', '"offset":4') },
  'an offset and length that overflow': {
    commands: good,
    lines: replaced(/"length":3,"offset":0/, '"length":9007199254740991,"offset":9007199254740991'),
  },
  'a payload in a region that is not there': { commands: good, lines: replaced('"aes-256-gcm"', '"none"') },
  'a time of the year 10000': { commands: good, lines: replaced('"mtime":2', '"mtime":253402300800') },
  'a field that nobody knows': { commands: good, lines: replaced('{', '{"sudo":true,') },
  'a command that nobody knows': { commands: good, lines: replaced('"do":"write"', '"do":"exec"') },
  'a line that is no JSON': { commands: good, lines: () => ['{'] },
  'a line of two megabytes': { commands: good, lines: ([line]) => [`${line}${' '.repeat(2 ** 21)}`] },
  'a body that is a bomb': {
    commands: good,
    lines: ([line = '']) => [line, ...Array.from({ length: 80 }, () => ' '.repeat(2 ** 20 - 1))],
  },
  'more commands than counted': { commands: good, header: (header) => ({ ...header, counts: {} }) },
  'fewer commands than counted': {
    commands: good,
    header: (header) => ({ ...header, counts: { write: 1, mkdir: 4 } }),
  },
  '100,000 commands where one is counted': {
    commands: good,
    lines: ([line = '']) => Array.from({ length: 100_000 }, () => line),
  },
  'four million commands counted': {
    commands: good,
    header: (header) => ({ ...header, counts: { write: 4_000_001 } }),
  },
  'less space than the files take': {
    commands: good,
    header: (header) => ({
      ...header,
      space: { decodedBytes: 2, inboxBytes: 1, inodes: 0, temporaryBytes: 0 },
    }),
  },
  'more space than there is': {
    commands: good,
    header: (header) => ({
      ...header,
      space: {
        decodedBytes: 2 ** 53 - 1,
        inboxBytes: 2 ** 53 - 1,
        inodes: 2 ** 53 - 1,
        temporaryBytes: 2 ** 53 - 1,
      },
    }),
  },
  'another site': { commands: good, header: (header) => ({ ...header, site: '..' }) },
  'a release of long ago': {
    commands: good,
    header: (header) => ({ ...header, release: { epoch: 0, sequence: 1 } }),
  },
  'another base': { commands: good, header: (header) => ({ ...header, baseTree: '1'.repeat(40) }) },
  'another target': { commands: good, header: (header) => ({ ...header, targetTree: '1'.repeat(40) }) },
  'no blocks where there are some': {
    commands: good,
    header: (header) => ({
      ...header,
      data: { bytes: 0, hashes: '', plainPayloadBytes: 0, sealedBlocks: 0, sealedPayloadBytes: 0 },
    }),
  },
  'data of four exbibytes': {
    commands: good,
    header: (header) => ({
      ...header,
      data: { ...(header['data'] as object), plainPayloadBytes: 2 ** 52, bytes: 2 ** 52 },
    }),
  },
  'a command twice': { commands: [...good, ...good, { command: { do: 'mkdir', path: 'x' } }] },
  'a directory that is there': { commands: [...good, { command: { do: 'mkdir', path: 'a' } }] },
  'a directory below a file': { commands: [...good, { command: { do: 'mkdir', path: 'index.html/x' } }] },
  'a file below what was removed': {
    commands: [
      { command: { do: 'remove', path: 'a/b/deep.html' } },
      { command: { do: 'rmdir', path: 'a/b' } },
      write('a/b/x.html', 'x'),
    ],
  },
  'a directory removed with what is in it': { commands: [...good, { command: { do: 'rmdir', path: 'a' } }] },
  'a directory removed as a file': { commands: [...good, { command: { do: 'remove', path: 'a' } }] },
  'a file over a directory': { commands: [write('a', 'x')] },
  'a file through a symlink made before': {
    commands: [
      { command: { do: 'symlink', path: 'out', target: '../../..', mtime: 2 } },
      write('out/outside', 'x'),
    ],
  },
  'a directory through a symlink made before': {
    commands: [
      { command: { do: 'symlink', path: 'out', target: '../../..', mtime: 2 } },
      { command: { do: 'mkdir', path: 'out/made' } },
    ],
  },
  'a removal through a symlink made before': {
    commands: [
      { command: { do: 'symlink', path: 'out', target: '../../..', mtime: 2 } },
      { command: { do: 'remove', path: 'out/outside' } },
    ],
  },
  'a symlink over a directory': {
    commands: [{ command: { do: 'symlink', path: 'a', target: '/', mtime: 2 } }],
  },
  'a copy of itself that is not itself': {
    commands: [
      {
        command: {
          do: 'copy',
          ...file,
          path: 'index.html',
          from: 'index.html',
          blob: blobIdOf(Buffer.from('x')),
          size: 1,
        },
      },
    ],
  },
  'a copy of what only this release makes': {
    commands: [
      ...good,
      {
        command: {
          do: 'copy',
          ...file,
          path: 'copy.html',
          from: 'new.html',
          blob: blobIdOf(Buffer.from('new')),
          size: 3,
        },
      },
    ],
  },
  'two files that take each other’s place, wrongly': {
    commands: [
      {
        command: {
          do: 'copy',
          ...file,
          path: 'index.html',
          from: 'a/page.html',
          blob: blobIdOf(Buffer.from(text)),
          size: 4,
        },
      },
      {
        command: {
          do: 'copy',
          ...file,
          path: 'a/page.html',
          from: 'index.html',
          blob: blobIdOf(Buffer.from('page')),
          size: 4,
        },
      },
    ],
  },
  'a mode of what is not there': {
    commands: [...good, { command: { do: 'mode', path: 'nowhere', mode: '100755', mtime: 2 } }],
  },
  'a check that fails': {
    commands: [...good, { command: { do: 'verify', path: 'index.html', blob: '1'.repeat(40) } }],
  },
  'a file too many': { commands: [...good, write('more.html', 'more')] },
  'nothing at all': { commands: [] },
  'data that was changed': { commands: good, data: (data) => Buffer.from(data.map((byte) => byte ^ 1)) },
  'data that ends early': { commands: good, data: (data) => data.subarray(1) },
  'data that is missing': { commands: good, data: () => Buffer.alloc(0) },
  'a bit of the signature': { commands: good, manifest: (bytes) => flipped(bytes, bytes.length - 1) },
  'a bit of the trailer’s hash': { commands: good, manifest: (bytes) => flipped(bytes, bytes.length - 70) },
  'a bit of the header': { commands: good, manifest: (bytes) => flipped(bytes, 40) },
  'a manifest cut short': { commands: good, manifest: (bytes) => bytes.subarray(0, bytes.length - 5) },
  'bytes behind the manifest': {
    commands: good,
    manifest: (bytes) => Buffer.concat([bytes, Buffer.from('x')]),
  },
  'a header of four gigabytes': {
    commands: good,
    manifest: (bytes) =>
      Buffer.concat([bytes.subarray(0, 4), Buffer.from('ffffffff', 'hex'), bytes.subarray(8)]),
  },
  ...Object.fromEntries(
    escapes.flatMap((bad) => [
      [
        `the path ${bad.slice(0, 30)}`,
        { commands: good, lines: replaced('"path":"new.html"', `"path":"${bad}"`) },
      ],
      [
        `the source ${bad.slice(0, 30)}`,
        {
          commands: [patch(text)],
          lines: replaced('"from":"index.html"', `"from":"${bad}"`),
        },
      ],
    ]),
  ),
};

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

for (const [name, lie] of Object.entries(lies)) {
  test(`N58 N65: ${name}: refused with a code; live, backup and the outside stay as they are`, async () => {
    const { manifest, data } = made(lie);
    const error = await receiveAndStage(manifest, data).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof TreecastError, `it was staged, or threw ${String(error)}`);
    assert.ok(
      Object.hasOwn(errorCodes, error.code) && error.code !== ('BUG' satisfies ErrorCode),
      error.message,
    );
    assert.equal(store.holding().staged, null);
    assert.deepEqual(readDisk(live()), expectedOnDisk(base));
    assert.deepEqual(fs.readdirSync(root).sort(), ['outside', site]);
    assert.equal(fs.readFileSync(path.join(root, 'outside'), 'utf8'), 'outside');
    assert.deepEqual(fs.readdirSync(path.join(root, site, 'trees', '.work')), []);
  });
}

test('after all of them the store publishes, holds three whole trees, and nothing is left in its inbox', async () => {
  await publish(base, target);
  await store.settle();
  assert.deepEqual(readDisk(live()), expectedOnDisk(target));
  const { drift } = await store.verify();
  assert.deepEqual(drift, []);
  const trees = fs.readdirSync(path.join(root, site, 'trees')).filter((name) => name !== '.work');
  assert.equal(trees.length, 3);
  assert.deepEqual(fs.readdirSync(path.join(root, site, 'inbox')), []);
});

test('what is allowed is carried out to the letter: files that take each other’s place, and 300 levels of directories', async () => {
  const levels = Array.from({ length: 300 }, () => 'd');
  const deep = [...levels, 'f'].join('/');
  const swapped: ModelTree = new Map([
    ...target,
    ['index.html', modelFile('page', 2)],
    ['a/page.html', modelFile(text, 2)],
    [deep, modelFile('new', 2)],
  ]);
  const commands: CommandInput[] = [
    ...levels.map(
      (_, index): CommandInput => ({ command: { do: 'mkdir', path: levels.slice(0, index + 1).join('/') } }),
    ),
    {
      command: {
        do: 'copy',
        ...file,
        path: 'index.html',
        from: 'a/page.html',
        blob: blobIdOf(Buffer.from('page')),
        size: 4,
      },
    },
    {
      command: {
        do: 'copy',
        ...file,
        path: 'a/page.html',
        from: 'index.html',
        blob: blobIdOf(Buffer.from(text)),
        size: text.length,
      },
    },
    write(deep, 'new'),
  ];
  const number = release(sequence++);
  const { manifest, data } = made({ commands, from: target, to: swapped, number });
  await receiveAndStage(manifest, data);
  await store.decide({ ...decisionFor(number, modelTreeId(swapped)), site });
  await store.settle();
  const { proof, drift } = await store.verify();
  assert.deepEqual([proof.tree, drift], [modelTreeId(swapped), []]);
  await publish(swapped, base);
  await store.settle();
  assert.deepEqual(readDisk(live()), expectedOnDisk(base));
});
