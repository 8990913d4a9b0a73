// The second process: swaps directories and files of a site's trees for symlinks, hard links and pipes that lead outside, and back, as
// quickly as it can. It changes nothing outside itself: whatever changes there was done by whoever followed it.

import fs from 'node:fs';
import path from 'node:path';
import { createRandom } from '../random.ts';

export interface Attack {
  /** `<root>/<site>`. */
  readonly site: string;
  /** Outside, on the same file system; see outside.ts. */
  readonly outside: string;
  /** For what was swapped away; on the same file system. */
  readonly scratch: string;
  readonly seed: number;
  /** Also the slots themselves and the store's own directories. */
  readonly slots: boolean;
}

export type AttackReport = { readonly swaps: number; readonly byKind: Readonly<Record<string, number>> };

const swapsInTurn = 400;
const placesMax = 400;

if (process.send) {
  process.once('message', (attack: Attack) => {
    const turn = createAttacker(attack);
    let stopped = false;
    process.once('message', () => {
      stopped = true;
    });
    const next = (): void => {
      process.send?.(turn());
      if (stopped) process.disconnect();
      else setImmediate(next);
    };
    next();
  });
}

type Kind = 'directory' | 'file';

function createAttacker({ site, outside, scratch, seed, slots }: Attack): () => AttackReport {
  const random = createRandom(seed);
  const away = path.join(scratch, 'away');
  const secretDirectory = path.join(outside, 'secret');
  const secretFile = path.join(secretDirectory, 'file');
  const linkedFile = path.join(outside, 'linked');
  const pipe = path.join(outside, 'pipe');

  /** One trick: what takes the name's place, made at `bait`. */
  const tricks: Readonly<Record<Kind, Readonly<Record<string, (bait: string) => void>>>> = {
    directory: {
      'directory by symlink': (bait) => fs.symlinkSync(secretDirectory, bait),
      'directory by relative symlink': (bait) => fs.symlinkSync('../../../../outside/secret', bait),
      'directory by symlink to what is above it': (bait) => fs.symlinkSync(outside, bait),
    },
    file: {
      'file by symlink': (bait) => fs.symlinkSync(secretFile, bait),
      'file by hard link': (bait) => fs.linkSync(linkedFile, bait),
      'file by pipe': (bait) => fs.linkSync(pipe, bait),
      'file by symlink to a directory': (bait) => fs.symlinkSync(secretDirectory, bait),
    },
  };

  function places(): { readonly path: string; readonly kind: Kind }[] {
    const found: { path: string; kind: Kind }[] = [];
    const read = (directory: string, depth: number): void => {
      for (const dirent of list(directory)) {
        if (found.length >= placesMax) return;
        const child = path.join(directory, dirent.name);
        const isSlot = depth === 0;
        if (dirent.isDirectory()) {
          if (!isSlot || slots) found.push({ path: child, kind: 'directory' });
          read(child, depth + 1);
        } else if (dirent.isFile() && (!isSlot || slots)) found.push({ path: child, kind: 'file' });
      }
    };
    read(path.join(site, 'trees'), 0);
    read(path.join(site, 'kept'), 1);
    // A removed site on its way out: whoever was in its trees still is.
    for (const dirent of list(path.dirname(site)))
      if (dirent.name.startsWith('.removed-')) read(path.join(path.dirname(site), dirent.name, 'trees'), 0);
    if (slots)
      for (const name of ['inbox', 'trees']) found.push({ path: path.join(site, name), kind: 'directory' });
    return found;
  }

  function list(directory: string): fs.Dirent[] {
    try {
      // Symlinks of our own are not followed: the listing is of what is there.
      return fs.lstatSync(directory).isDirectory() ? fs.readdirSync(directory, { withFileTypes: true }) : [];
    } catch {
      return [];
    }
  }

  return () => {
    const byKind: Record<string, number> = {};
    const found = places();
    let swaps = 0;
    for (let turn = 0; turn < swapsInTurn && found.length > 0; turn++) {
      const { path: target, kind } = random.pick(found);
      const name = random.pick(Object.keys(tricks[kind]));
      const bait = path.join(scratch, 'bait');
      try {
        (tricks[kind][name] as (bait: string) => void)(bait);
        fs.renameSync(target, away);
        fs.renameSync(bait, target);
        swaps++;
        byKind[name] = (byKind[name] ?? 0) + 1;
        // Long enough that the other process is somewhere else, now and then.
        for (let spin = random.below(3_000); spin > 0; spin--);
      } catch {
        // The store was quicker.
      }
      putBack(bait, target);
    }
    return { swaps, byKind };
  };

  /** As it was, as far as the store left it; what cannot be put back is given up, so that the next swap finds its names free. */
  function putBack(bait: string, target: string): void {
    const attempts = [
      () => fs.renameSync(target, bait),
      () => fs.renameSync(away, target),
      () => fs.unlinkSync(bait),
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch {
        // Next.
      }
    }
    for (const left of [bait, away]) fs.rmSync(left, { recursive: true, force: true });
  }
}
