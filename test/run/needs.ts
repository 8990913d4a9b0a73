// What a test needs of the machine: programs, root, network namespaces. Where one is missing the test is not run, and
// says so on stdout (the runner collects these lines); with CI=true a missing one is a failing test instead.

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';

/** A program on the PATH, or one of the named abilities: `root`, `netns` (root, iproute2, and namespaces can be made). */
export type Need = 'root' | 'netns' | (string & {});

/** What the runner looks for at the start of a line of a test file's stdout. */
export const notRunPrefix = 'not run: needs ';

/** Registers the test when the machine has what it needs. */
export function testNeeding(
  needs: readonly Need[],
  name: string,
  body: (context: TestContext) => void | Promise<void>,
): void {
  const missing = needs.filter((need) => !isThere(need));
  if (missing.length === 0) {
    test(name, body);
  } else if (process.env['CI'] === 'true') {
    test(name, () => {
      throw new Error(
        `this test needs ${missing.join(', ')}, which this machine lacks; with CI=true nothing may be left out: install it (.ci/packages) or give the run the right`,
      );
    });
  } else {
    process.stdout.write(`${notRunPrefix}${missing.join(', ')} (${name})\n`);
  }
}

const known = new Map<Need, boolean>();

function isThere(need: Need): boolean {
  const before = known.get(need);
  if (before !== undefined) return before;
  const there = need === 'root' ? isRoot() : need === 'netns' ? canMakeNamespaces() : isOnPath(need);
  known.set(need, there);
  return there;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function canMakeNamespaces(): boolean {
  return isRoot() && isOnPath('ip') && spawnSync('unshare', ['--net', 'true']).status === 0;
}

/** Debian keeps daemons and network tools in the sbin directories, which a user's PATH may lack. */
function isOnPath(program: string): boolean {
  const directories = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
