// The symlinks of one tree, by directory, and where following one leads: the kernel's path walk without a file system.

/** `absolute` only for the symlink's own target; through another symlink it is `leaves`. */
export type SymlinkOutcome = 'inside' | 'absolute' | 'leaves' | 'exhausted';

export interface SymlinkTree {
  add(path: string, target: string): void;
  links(): Iterable<{ readonly path: string; readonly target: string }>;
  resolve(path: string): SymlinkOutcome;
}

interface Directory {
  readonly children: Map<string, Directory>;
  target: string | undefined;
}

/** Linux's MAXSYMLINKS: beyond, the kernel gives up with ELOOP, so nothing outside is reached. */
const hopsMax = 40;

export function createSymlinkTree(stepsMax: number): SymlinkTree {
  const root = newDirectory();
  const targets = new Map<string, string>();
  let stepsLeft = stepsMax;

  function follow(path: string): SymlinkOutcome {
    // Where the walk is: the directories from the root down; undefined for those that have no symlink in or below them.
    const trail: (Directory | undefined)[] = [root];
    for (const name of path.split('/').slice(0, -1)) trail.push(trail.at(-1)?.children.get(name));
    const first = targets.get(path) ?? '';
    const pending = [...first.split('/').reverse()];
    let hops = 1;
    while (pending.length > 0) {
      stepsLeft -= 1;
      if (stepsLeft < 0) return 'exhausted';
      const name = pending.pop() as string;
      if (name === '' || name === '.') continue;
      if (name === '..') {
        trail.pop();
        if (trail.length === 0) return 'leaves';
        continue;
      }
      const next = trail.at(-1)?.children.get(name);
      if (next?.target === undefined) {
        trail.push(next);
        continue;
      }
      hops += 1;
      if (hops > hopsMax) return 'inside';
      if (next.target.startsWith('/')) return 'leaves';
      pending.push(...next.target.split('/').reverse());
    }
    return 'inside';
  }

  return {
    add(path, target) {
      let directory = root;
      for (const name of path.split('/')) {
        const child = directory.children.get(name) ?? newDirectory();
        directory.children.set(name, child);
        directory = child;
      }
      directory.target = target;
      targets.set(path, target);
    },
    *links() {
      for (const [path, target] of targets) yield { path, target };
    },
    resolve: (path) => (targets.get(path)?.startsWith('/') ? 'absolute' : follow(path)),
  };
}

function newDirectory(): Directory {
  return { children: new Map(), target: undefined };
}
