// For tests: how a CCM can lie in an assignment, one lie each, as data. Each is to be refused with a code.

import { constants, deflateRawSync, zstdCompressSync } from 'node:zlib';
import { blobIdOf } from '../../../assignment/object-id.ts';
import { type Lie, patch, text, write } from './lying-assignment.ts';

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

export const lies: Readonly<Record<string, Lie>> = {
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
