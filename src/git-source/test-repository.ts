// For tests: a real staging repository in a temporary directory, filled with whatever objects a test needs, odd and hostile ones too.
// Objects are written as loose files directly, because Git's own commands would refuse or rewrite them.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { ObjectId } from '../model/tree.ts';
import { createRepository } from './create-repository.ts';
import { gitEnvironment } from './git-environment.ts';

export interface TestFile {
  /** Octal digits as Git stores them. */
  readonly mode: string;
  readonly content: string | Buffer;
  /** Instead of the content's own id, e.g. for a submodule. */
  readonly id?: ObjectId;
}

/** By name; latin1 characters are bytes when the name is given by {@link TestRepository.writeTree} as is. */
export interface TestTree {
  readonly [name: string]: TestFile | TestTree;
}

export interface TestRepository {
  readonly path: string;
  /** Names are latin1: a character is a byte. Use {@link utf8Name} for others. */
  writeTree(tree: TestTree): ObjectId;
  writeBlob(content: string | Buffer): ObjectId;
  writeObject(type: string, bytes: Buffer): ObjectId;
  commit(tree: ObjectId, parents?: readonly ObjectId[]): ObjectId;
  git(...args: readonly string[]): string;
  remove(): void;
}

export function file(content: string | Buffer, mode = '100644'): TestFile {
  return { mode, content };
}

export function symlink(target: string | Buffer): TestFile {
  return { mode: '120000', content: target };
}

/** A name of any characters, as the latin1 spelling of its UTF-8 bytes. */
export function utf8Name(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1');
}

export function isTestFile(node: TestFile | TestTree): node is TestFile {
  return typeof node['mode'] === 'string';
}

export async function createTestRepository(): Promise<TestRepository> {
  const root = mkdtempSync(join(tmpdir(), 'treecast-git-'));
  const path = join(root, 'site.git');
  await createRepository(path);

  function writeObject(type: string, bytes: Buffer): ObjectId {
    const whole = Buffer.concat([Buffer.from(`${type} ${bytes.length}\0`), bytes]);
    const id = createHash('sha1').update(whole).digest('hex');
    const directory = join(path, 'objects', id.slice(0, 2));
    mkdirSync(directory, { recursive: true });
    const target = join(directory, id.slice(2));
    if (!existsSync(target)) writeFileSync(target, deflateSync(whole));
    return id;
  }

  function writeTree(tree: TestTree): ObjectId {
    const entries = Object.entries(tree).map(([name, node]) => {
      const isFile = isTestFile(node);
      const id = isFile
        ? (node.id ?? writeObject('blob', Buffer.from(node.content as string)))
        : writeTree(node);
      const mode = isFile ? node.mode : '40000';
      return { key: isFile ? name : `${name}/`, bytes: Buffer.from(`${mode} ${name}\0`, 'latin1'), id };
    });
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    return writeObject(
      'tree',
      Buffer.concat(entries.flatMap(({ bytes, id }) => [bytes, Buffer.from(id, 'hex')])),
    );
  }

  return {
    path,
    writeTree,
    writeBlob: (content) => writeObject('blob', Buffer.from(content as string)),
    writeObject,
    commit(tree, parents = []) {
      const who = 'Test <test@example.org> 1700000000 +0000';
      const lines = [
        `tree ${tree}`,
        ...parents.map((parent) => `parent ${parent}`),
        `author ${who}`,
        `committer ${who}`,
      ];
      return writeObject('commit', Buffer.from(`${lines.join('\n')}\n\na commit\n`));
    },
    git: (...args) =>
      execFileSync('git', ['--git-dir', path, ...args], {
        env: gitEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
      }).toString('utf8'),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
