// A test that calls a program is left out, and said so, where the program is missing; with CI=true it fails instead.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { programPath } from '../host/exec-program.ts';

/** What Treecast's own test runner looks for at the start of a line of a test file's stdout. */
const notRunPrefix = 'not run: needs ';

/** `needs` are programs, or `root`. */
export function testNeeding(
  needs: readonly string[],
  name: string,
  body: (context: TestContext) => void | Promise<void>,
): void {
  const missing = needs.filter((need) => !isThere(need));
  if (missing.length === 0) test(name, body);
  else if (process.env['CI'] === 'true') {
    test(name, () => {
      throw new Error(`this test needs ${missing.join(', ')}, which this machine lacks: install it`);
    });
  } else process.stdout.write(`${notRunPrefix}${missing.join(', ')} (${name})\n`);
}

function isThere(need: string): boolean {
  if (need === 'root') return process.getuid?.() === 0;
  return programPath()
    .split(delimiter)
    .some((directory) => {
      try {
        accessSync(join(directory, need), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
