// The directory outside of the trees that the swapped-in links lead to, and whether anything of it has changed: names, contents, owners,
// modes, times, and inodes.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export interface Outside {
  readonly directory: string;
  /** Empty when all is as it was made. */
  changes(): string[];
}

/** In no file of a tree, and in none that is given a tree's name by hard link: whose owner does that, publishes it. */
export const secret = 'outside of every tree\n';

/** With names that a tree has too, so that whoever is led here finds something to change. */
export function makeOutside(directory: string, names: readonly string[]): Outside {
  const inside = path.join(directory, 'secret');
  fs.mkdirSync(inside, { recursive: true, mode: 0o750 });
  fs.writeFileSync(path.join(inside, 'file'), secret, { mode: 0o640 });
  for (const name of names) {
    const file = path.join(inside, name);
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o750 });
    fs.writeFileSync(file, secret, { mode: 0o640 });
  }
  fs.writeFileSync(path.join(directory, 'linked'), 'linked from outside\n', { mode: 0o604 });
  execFileSync('mkfifo', ['-m', '600', path.join(directory, 'pipe')]);
  const before = describe(directory);
  return {
    directory,
    changes() {
      const now = describe(directory);
      const paths = new Set([...before.keys(), ...now.keys()]);
      return [...paths]
        .filter((one) => before.get(one) !== now.get(one))
        .map((one) => `${one}: ${before.get(one) ?? 'nothing'} became ${now.get(one) ?? 'nothing'}`);
    },
  };
}

/** By path. Not the time of the last change of an inode, nor its links: the attacker's own hard links count there. */
function describe(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const read = (directory: string): void => {
    const stat = fs.lstatSync(directory);
    found.set(
      path.relative(root, directory),
      `directory ${stat.ino} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${stat.mtimeMs}`,
    );
    for (const dirent of fs.readdirSync(directory, { withFileTypes: true })) {
      const child = path.join(directory, dirent.name);
      if (dirent.isDirectory()) read(child);
      else {
        const { ino, mode, uid, gid, mtimeMs, size } = fs.lstatSync(child);
        const contents = dirent.isFile() ? fs.readFileSync(child, 'latin1') : '';
        found.set(
          path.relative(root, child),
          `file ${ino} ${mode.toString(8)} ${uid}:${gid} ${mtimeMs} ${size} ${JSON.stringify(contents)}`,
        );
      }
    }
  };
  read(root);
  return found;
}
