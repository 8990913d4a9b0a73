// What may not stand in the repository, as data: each rule finds its lines and names what to write instead.
// What Biome, oxlint and tsc already judge (any, enum, default exports, floating promises, file name case) is not repeated here.

import { effectsWithoutFailpoint } from './effects-without-failpoint.ts';
import type { SourceFile } from './source-files.ts';

export interface TidyRule {
  readonly name: string;
  readonly instead: string;
  applies(path: string): boolean;
  /** 1-based lines that break the rule; a rule about the whole file answers with line 1. */
  find(file: SourceFile): number[];
}

/** A place where a rule does not hold, and why. One that matches nothing any more fails the check. */
export interface TidyException {
  readonly rule: string;
  readonly path: string;
  readonly because: string;
}

const linesMax = 400;
const isCode = (path: string): boolean => /\.tsx?$/.test(path);
const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.startsWith('test/');
const isProduct = (path: string): boolean => isCode(path) && path.startsWith('src/') && !isTest(path);
const isText = (path: string): boolean => !path.endsWith('package-lock.json');
const wordOf = (...parts: string[]): string => parts.join('');

export const tidyRules: readonly TidyRule[] = [
  {
    name: 'long-file',
    instead: `split it by idea: a file has at most ${linesMax} lines`,
    applies: isCode,
    find: ({ text }) => (text.trimEnd().split('\n').length > linesMax ? [1] : []),
  },
  {
    name: 'header',
    instead: 'open with one to five comment lines that say what the file decides and what it does not',
    applies: (path) => isCode(path) && !path.endsWith('.test.ts'),
    find: ({ text }) => (/^(?:#!.*\n)?(?:\/\/ \S|\/\*\* ?\S|\/\*\*\n)/.test(text) ? [] : [1]),
  },
  {
    name: 'name-that-says-nothing',
    instead: 'name the concept that the file holds',
    applies: (path) => /(?:^|\/)(?:utils?|helpers?|common|misc|types|shared)\.tsx?$/.test(path),
    find: () => [1],
  },
  {
    name: 'unfinished',
    instead: 'do it now, or open an issue and say nothing here',
    applies: isCode,
    find: lines(
      new RegExp(
        `\\b(?:${wordOf('TO', 'DO')}|${wordOf('FIX', 'ME')}|${wordOf('X', 'XX')}|${wordOf('not imple', 'mented')})\\b`,
      ),
    ),
  },
  {
    name: 'silenced-check',
    instead: 'mend the cause; a line that must differ carries its reason after `--` or `:`',
    applies: isCode,
    find: lines(/@ts-(?:ignore|nocheck)|@ts-expect-error\s*$|biome-ignore [^:]*$|oxlint-disable(?!.* -- )/),
  },
  {
    name: 'left-out-test',
    instead: 'let it run; a test that needs a program is registered with testNeeding',
    applies: (path) => path.endsWith('.test.ts'),
    find: lines(
      /\b(?:test|it|describe|suite)\.(?:skip|todo|only)\(|[{,] (?:skip|todo|only): (?!false)\S|\bt(?:est)?\.(?:skip|todo)\(/,
    ),
  },
  {
    name: 'sleep',
    instead: 'wait for the event or the condition',
    applies: isTest,
    find: lines(
      /(?:setTimeout|scheduler)\b.*from 'node:timers\/promises'|\b(?:sleep|delay)\(\d|=> (?:void )?setTimeout\(\w+, |promisify\(setTimeout\)|Atomics\.wait\(/,
    ),
  },
  {
    name: 'mock',
    instead: 'use the real thing: a temporary directory, a database file, a socket on 127.0.0.1',
    applies: isTest,
    find: lines(/\bmock\.(?:method|module|fn|timers)\b|from '(?:memfs|mock-fs|sinon)'/),
  },
  {
    name: 'console',
    instead: 'log through the logger that is passed in; commands write to the output they are given',
    applies: isProduct,
    find: lines(/\bconsole\.\w+\(/),
  },
  {
    name: 'legacy-module',
    instead: 'ESM only: import, import.meta.dirname',
    applies: isCode,
    find: lines(/(?<![.#\w])require\(['"]|\bmodule\.exports\b|\b__dirname\b|\b__filename\b/),
  },
  {
    name: 'builtin-without-prefix',
    instead: 'write `node:` before the name of a built-in module',
    applies: isCode,
    find: lines(
      /from '(?:fs|path|os|crypto|child_process|http|https|net|tls|url|util|stream|zlib|events)(?:\/promises)?'/,
    ),
  },
  {
    name: 'weak-random',
    instead: 'randomUUID or randomBytes for ids and secrets; a seeded source in tests',
    applies: isProduct,
    find: lines(/\bMath\.random\(/),
  },
  {
    name: 'shell',
    instead: 'spawn or execFile with an argument array',
    applies: isProduct,
    find: lines(/\bexecSync\b|\bexec\b.*from 'node:child_process'|\bshell: true\b/),
  },
  {
    name: 'place-of-one-machine',
    instead: 'use a path relative to the file, or one made by mkdtemp under os.tmpdir()',
    applies: isText,
    find: lines(
      new RegExp(
        [
          wordOf('/wo', 'rk/'),
          wordOf('/home', '/\\w+/'),
          wordOf('/roo', 't/'),
          wordOf('\\.lib', 'rary/'),
        ].join('|'),
      ),
    ),
  },
  {
    name: 'effect-without-failpoint',
    instead: 'call failpoint() behind it, with a new name that test/faults sweeps',
    applies: (path) => isProduct(path) && !/^src\/(?:cli|plugins)\/|\/testing\//.test(path),
    find: ({ text }) => effectsWithoutFailpoint(text),
  },
  {
    name: 'space-at-end',
    instead: 'remove it',
    applies: (path) => isText(path) && !path.endsWith('.md'),
    find: lines(/[ \t]+$/),
  },
];

function lines(pattern: RegExp): (file: SourceFile) => number[] {
  return ({ text }) => text.split('\n').flatMap((line, index) => (pattern.test(line) ? [index + 1] : []));
}
