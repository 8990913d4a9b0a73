// For tests: trees that were made to harm or confuse, one of each kind, and what refuses each. As data, so that the guards, a real push
// and a publish of objects that got into the repository some other way are all judged by the same list.

import type { ErrorCode } from '../../model/error-codes.ts';
import type { ObjectId } from '../../model/tree.ts';
import { file, symlink, type TestObjects, type TestTree, utf8Name } from '../test-objects.ts';

export interface HostileTree {
  readonly name: string;
  make(objects: TestObjects): ObjectId;
  /** What the guards say, when Git's own checks did not see it. */
  readonly code: ErrorCode;
  /** Git itself refuses a push of it, by these words; what the guards say otherwise. */
  readonly fsck?: RegExp;
}

const zero = '0'.repeat(40);
const missing = '1'.repeat(40);
/** Code points that HFS+ leaves out of a name, as Git lists them. */
const ignoredByHfs = [
  0x200c, 0x200d, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x206a, 0x206b, 0x206c, 0x206d,
  0x206e, 0x206f, 0xfeff,
].map((point) => String.fromCodePoint(point));

/** Known to Git's own checks. */
const gitNames = [
  '.',
  '..',
  '.git',
  '.GIT',
  '.Git ',
  '.git.',
  'git~1',
  '.git\\config',
  'GIT~1',
  '.git::$INDEX_ALLOCATION',
  '.git . .',
].concat(ignoredByHfs.map((ignored) => `.g${ignored}it`));
const otherNames = [
  '.. ',
  '. .',
  '..:x',
  'a\\..\\b',
  '..\\..\\etc\\passwd',
  'git~2',
  '\ufeff.git ',
  '.\u202e.',
  'n'.repeat(256),
];

interface Entry {
  readonly mode: string;
  readonly name: string | Buffer;
  readonly id: ObjectId;
}

/** Exactly these entries, in this order. */
function rawTree(objects: TestObjects, entries: readonly Entry[]): ObjectId {
  const parts = entries.map(({ mode, name, id }) =>
    Buffer.concat([
      Buffer.from(`${mode} `),
      Buffer.from(name as string),
      Buffer.from('\0'),
      Buffer.from(id, 'hex'),
    ]),
  );
  return objects.writeObject('tree', Buffer.concat(parts));
}

function odd(
  name: string,
  code: ErrorCode,
  entries: (file: ObjectId, objects: TestObjects) => readonly Entry[],
  fsck?: RegExp,
): HostileTree {
  return {
    name,
    code,
    make: (objects) => rawTree(objects, entries(objects.writeBlob('x'), objects)),
    ...(fsck && { fsck }),
  };
}

function named(name: string, fsck?: RegExp): HostileTree {
  return {
    name: `the name ${JSON.stringify(name).slice(0, 40)}`,
    code: 'PATH_FORBIDDEN',
    make: (objects) => objects.writeTree({ d: { [utf8Name(name)]: file('x') } }),
    ...(fsck && { fsck }),
  };
}

function clash(one: string, other: string): HostileTree {
  return {
    name: `${JSON.stringify(one)} beside ${JSON.stringify(other)}`,
    code: 'NAME_CLASH',
    make: (objects) => objects.writeTree(merged(treeAt(one), treeAt(other))),
  };
}

function treeAt(path: string): TestTree {
  return path
    .split('/')
    .reduceRight<TestTree>(
      (below, name, index, all) => ({ [utf8Name(name)]: index === all.length - 1 ? file(path) : below }),
      {},
    );
}

function merged(one: TestTree, other: TestTree): TestTree {
  return { ...one, ...other };
}

function nested(objects: TestObjects, levels: number, width: number, leaf: ObjectId, name = 'd'): ObjectId {
  let tree = leaf;
  for (let level = 0; level < levels; level++) {
    tree = rawTree(
      objects,
      Array.from({ length: width }, (_, index) => ({
        mode: '40000',
        name: width === 1 ? name : `${name}${String(index).padStart(3, '0')}`,
        id: tree,
      })),
    );
  }
  return tree;
}

const malformed =
  /badTree|duplicateEntries|treeNotSorted|fullPathname|emptyName|badFilemode|zeroPaddedFilemode|nullSha1|directory object is malformed/;

export const hostileTrees: readonly HostileTree[] = [
  ...gitNames.map((name) => named(name, /hasDot|hasDotdot|hasDotgit/)),
  ...otherNames.map((name) => named(name)),
  odd('an empty name', 'GIT_FAILED', (id) => [{ mode: '100644', name: '', id }], malformed),
  odd('a name with a slash', 'GIT_FAILED', (id) => [{ mode: '100644', name: 'a/b', id }], malformed),
  odd(
    'a name that leads upwards',
    'GIT_FAILED',
    (id) => [{ mode: '100644', name: '../../x', id }],
    malformed,
  ),
  odd(
    'one name twice',
    'GIT_FAILED',
    (id) => [
      { mode: '100644', name: 'a', id },
      { mode: '100755', name: 'a', id },
    ],
    malformed,
  ),
  odd(
    'a file and a directory of one name, with another between',
    'GIT_FAILED',
    (id, objects) => [
      { mode: '100644', name: 'a', id },
      { mode: '100644', name: 'a.b', id },
      { mode: '40000', name: 'a', id: objects.writeTree({ x: file('x') }) },
    ],
    malformed,
  ),
  odd(
    'names out of order',
    'GIT_FAILED',
    (id) => [
      { mode: '100644', name: 'b', id },
      { mode: '100644', name: 'a', id },
    ],
    malformed,
  ),
  ...['100664', '100600', '0100644', '104755', '060000'].map((mode) =>
    odd(`the mode ${mode}`, 'GIT_FAILED', (id) => [{ mode, name: 'a', id }], malformed),
  ),
  odd(
    'a directory with a zero before its mode',
    'GIT_FAILED',
    (_, objects) => [{ mode: '040000', name: 'a', id: objects.writeTree({ x: file('x') }) }],
    malformed,
  ),
  odd('a directory that is a file', 'GIT_FAILED', (id) => [{ mode: '40000', name: 'a', id }], /.*/),
  odd(
    'a file that is a directory',
    'GIT_FAILED',
    (_, objects) => [{ mode: '100644', name: 'a', id: objects.writeTree({ x: file('x') }) }],
    /.*/,
  ),
  odd(
    'a symlink that is a directory',
    'GIT_FAILED',
    (_, objects) => [{ mode: '120000', name: 'a', id: objects.writeTree({ x: file('x') }) }],
    /.*/,
  ),
  odd('a file that is missing', 'GIT_FAILED', () => [{ mode: '100644', name: 'a', id: missing }], /.*/),
  odd('a directory that is missing', 'GIT_FAILED', () => [{ mode: '40000', name: 'a', id: missing }], /.*/),
  odd('an id of zeros', 'GIT_FAILED', () => [{ mode: '100644', name: 'a', id: zero }], /.*/),
  {
    name: 'an object that ends in the middle',
    code: 'GIT_FAILED',
    make: (objects) => objects.writeObject('tree', Buffer.from('100644 a\0short')),
    fsck: /.*/,
  },
  odd('an empty directory', 'PATH_FORBIDDEN', (_, objects) => [
    { mode: '40000', name: 'a', id: objects.writeTree({}) },
  ]),
  odd('a submodule', 'SUBMODULE', () => [{ mode: '160000', name: 'a', id: missing }]),
  odd('a name that is not UTF-8', 'PATH_NOT_UTF8', (id) => [
    { mode: '100644', name: Buffer.from([0x66, 0xff, 0xfe]), id },
  ]),
  odd('a name with an overlong slash', 'PATH_NOT_UTF8', (id) => [
    { mode: '100644', name: Buffer.from([0x61, 0xc0, 0xaf, 0x62]), id },
  ]),
  odd('a surrogate in UTF-8', 'PATH_NOT_UTF8', (id) => [
    { mode: '100644', name: Buffer.from([0xed, 0xa0, 0x80]), id },
  ]),
  {
    name: 'a bomb of 10^10 files',
    code: 'PUSH_REFUSED',
    make: (objects) => nested(objects, 10, 10, objects.writeTree({ f: file('x') })),
  },
  {
    name: 'a bomb of 2^40 files',
    code: 'PUSH_REFUSED',
    make: (objects) => nested(objects, 40, 2, objects.writeTree({ f: file('x') })),
  },
  {
    name: '10,000 levels',
    code: 'PATH_FORBIDDEN',
    make: (objects) => nested(objects, 10_000, 1, objects.writeTree({ f: file('x') })),
  },
  {
    name: 'a path of 5,000 bytes',
    code: 'PATH_FORBIDDEN',
    make: (objects) => nested(objects, 20, 1, objects.writeTree({ f: file('x') }), 'n'.repeat(250)),
  },
  {
    name: 'a symlink out',
    code: 'SYMLINK_ESCAPES',
    make: (objects) => objects.writeTree({ a: symlink('../../etc/passwd') }),
  },
  {
    name: 'a symlink to an absolute path',
    code: 'SYMLINK_ESCAPES',
    make: (objects) => objects.writeTree({ a: symlink('/etc/passwd') }),
  },
  {
    name: 'a symlink with a NUL byte',
    code: 'PATH_FORBIDDEN',
    make: (objects) => objects.writeTree({ a: symlink('b\0c') }),
  },
  clash('README', 'Readme'),
  clash('caf\u00e9.html', 'cafe\u0301.html'),
  clash('stra\u00dfe', 'STRASSE'),
  clash('\u212aelvin', 'kelvin'),
  clash('\u03bb\u03cc\u03b3\u03bf\u03c2', '\u039b\u038c\u0393\u039f\u03a3'),
  clash('\ufb01le', 'file'),
  clash('Docs/a.html', 'docs/b.html'),
  clash('page', 'Page/index.html'),
];

/** Names that honest trees have, all of them in one directory. */
export const honestNames: readonly string[] = [
  '\u{1f600}.html',
  '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
  'two words',
  ' leading',
  'trailing ',
  '\u65e5\u672c\u8a9e',
  '\u4e2d\u6587.html',
  '\u05e2\u05d1\u05e8\u05d9\u05ea',
  '\u0627\u0644\u0639\u0631\u0628\u064a\u0629',
  'na\u00efve',
  'na\u00efve2',
  'stra\u00dfe',
  'strase',
  'kap\u0131',
  'kapi',
  '\u0130stanbul',
  'Istanbul.html',
  's\u0131k',
  'sik',
  'A.html',
  'B.html',
  '-rf',
  '--help',
  '$HOME',
  '~',
  '%2e%2e',
  `quote'"`,
  'new\nline',
  'tab\t',
  'esc\u001b[31m',
  '.htaccess',
  '.well-known',
  '.gitignore',
  '.gitattributes',
  '.github',
  '.gitmodule',
  'git',
  'x.git',
  '..a',
  'a..',
  '[...slug].vue',
  'CON',
  'aux.txt',
  'C:',
  'a:b',
  'dev\\x2d.unit',
  'n'.repeat(255),
  '\u00fc'.repeat(127),
  '#',
  '?',
  '*',
  '<>',
  '|',
  '&',
  ';',
  '`',
  '!',
  '@',
  '{}',
  '\\',
  'e\u0301clair',
  'a',
  'a-b',
  'a.b',
  'a0',
];
