// A test that needs something of the machine is left out, and said so on stdout (Treecast's own runner collects these lines), where it is
// missing; with CI=true it fails there instead.

import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { isProgramThere } from '../host/find-program.ts';

/**
 * A program, or one of the named abilities: `root`, `netns` (root, iproute2, and namespaces can be made), `tmpfs` (it can be mounted),
 * `loop` (so can a file system in a file).
 */
export type Need = 'root' | 'netns' | 'tmpfs' | 'loop' | (string & {});

/** What the runner looks for at the start of a line of a test file's stdout. */
export const notRunPrefix = 'not run: needs ';

/** Registers the test with node:test when the machine has what it needs. */
export function testNeeding(
  needs: readonly Need[],
  name: string,
  body: (context: TestContext) => void | Promise<void>,
): void {
  const missing = needs.filter((need) => !isThere(need));
  if (missing.length === 0) test(name, body);
  else if (process.env['CI'] === 'true') {
    test(name, () => {
      throw new Error(
        `this test needs ${missing.join(', ')}, which this machine lacks; with CI=true nothing may be left out: install it or give the run the right`,
      );
    });
  } else process.stdout.write(`${notRunPrefix}${missing.join(', ')} (${name})\n`);
}

const known = new Map<Need, boolean>();

function isThere(need: Need): boolean {
  const before = known.get(need);
  if (before !== undefined) return before;
  const there = abilities[need]?.() ?? isProgramThere(need);
  known.set(need, there);
  return there;
}

const abilities: Readonly<Record<string, () => boolean>> = {
  root: isRoot,
  netns: canMakeNamespaces,
  tmpfs: canMountTmpfs,
  loop: () => isProgramThere('mkfs.ext4') && canMountTmpfs() && spawnSync('losetup', ['--find']).status === 0,
};

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function canMakeNamespaces(): boolean {
  return isRoot() && isProgramThere('ip') && spawnSync('unshare', ['--net', 'true']).status === 0;
}

/** In a namespace of its own, which takes the mount with it. */
function canMountTmpfs(): boolean {
  const mount = ['mount', '-t', 'tmpfs', 'tmpfs', '/mnt'];
  return isRoot() && spawnSync('unshare', ['--mount', '--propagation', 'private', ...mount]).status === 0;
}
