// For tests: objects of a repository, odd and hostile ones too, written as loose files directly, because Git's own commands would refuse or
// rewrite them.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { ObjectId } from '../model/tree.ts';

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

export interface TestObjects {
  /** Names are latin1: a character is a byte. Use {@link utf8Name} for others. */
  writeTree(tree: TestTree): ObjectId;
  writeBlob(content: string | Buffer): ObjectId;
  writeObject(type: string, bytes: Buffer): ObjectId;
  commit(tree: ObjectId, parents?: readonly ObjectId[]): ObjectId;
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

export type ObjectWriter = (type: string, bytes: Buffer) => ObjectId;

/** Writes loose files; `path` is a repository's own directory. */
export function looseObjectWriter(path: string): ObjectWriter {
  return (type, bytes) => {
    const whole = Buffer.concat([Buffer.from(`${type} ${bytes.length}\0`), bytes]);
    const id = createHash('sha1').update(whole).digest('hex');
    const directory = join(path, 'objects', id.slice(0, 2));
    mkdirSync(directory, { recursive: true });
    const target = join(directory, id.slice(2));
    if (!existsSync(target)) writeFileSync(target, deflateSync(whole));
    return id;
  };
}

export function createTestObjects(writeObject: ObjectWriter): TestObjects {
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
  };
}
