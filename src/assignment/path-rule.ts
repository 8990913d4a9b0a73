// Which paths an assignment may name (ASG-16): relative, UTF-8, inside the tree, and never a disguise of `.git`.
// Symlinks on the way are not judged here: whoever opens the path must not follow them.

export const pathBytesMax = 4096;
const componentBytesMax = 255;

/** Characters that HFS+ ignores when it compares names, so that `.g<ZWNJ>it` opens `.git` there. */
const ignoredByHfs = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
/** What NTFS takes for `.git`: its short name, and trailing dots, spaces or a stream name. */
const gitDisguise = /^(?:\.git|git~1)[. ]*(?::.*)?$/is;

/** Why the path is refused, as the end of a sentence; undefined when it is fine. */
export function pathProblem(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (path.includes('\0')) return 'has a NUL byte';
  if (!path.isWellFormed()) return 'is not Unicode';
  if (path.length > pathBytesMax / 4 && Buffer.byteLength(path) > pathBytesMax)
    return `is longer than ${pathBytesMax} bytes`;
  if (path.startsWith('/')) return 'is absolute';
  for (const name of path.split('/')) {
    const problem = componentProblem(name);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function componentProblem(name: string): string | undefined {
  if (name === '') return 'has an empty component';
  if (name === '.' || name === '..') return `has the component "${name}"`;
  if (name.length > componentBytesMax / 4 && Buffer.byteLength(name) > componentBytesMax) {
    return `has a component longer than ${componentBytesMax} bytes`;
  }
  // Most names start with neither; that is what keeps this cheap.
  if (/[.g]/i.test(name[0] as string) || ignoredByHfs.test(name)) {
    ignoredByHfs.lastIndex = 0;
    if (gitDisguise.test(name.replace(ignoredByHfs, '')))
      return 'has ".git", or a disguise of it, as a component';
  }
  return undefined;
}
