// Runs a plugin's tests with node:test, where `treecast/plugin` means this Treecast: nothing needs to be installed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { TreecastError } from '../../model/treecast-error.ts';
import { pluginApiModule } from '../../plugins/host/plugin-api-module.ts';
import { defineCommand } from '../command.ts';

export const pluginTest = defineCommand({
  name: 'plugin test',
  summary: 'run the tests of a plugin',
  details:
    'Every *.test.ts, *.test.js and *.test.mjs below the directory; their output goes to standard error.',
  arguments: [{ name: 'directory', summary: 'the plugin (default: here)', optional: true }],
  examples: [{ line: 'treecast plugin test my-cache', explanation: 'exit code 0 when all tests pass' }],
  kind: 'local',
  exits: ['ok', 'failed', 'refused'],
  json: '`{"directory","files":[…],"passed"}`.',
  input: z.strictObject({ directory: z.string().min(1).default('.') }),
  async run({ directory: named }, { cwd, output, signal }) {
    const directory = resolve(cwd, named);
    const there = await stat(directory).catch(() => undefined);
    if (there?.isDirectory() !== true) {
      const what = there === undefined ? 'does not exist' : 'is no directory';
      throw new TreecastError('NOT_FOUND', `${directory} ${what}.`, {
        fix: 'Name the directory of the plugin, or call this in it; `treecast plugin create NAME` makes one.',
      });
    }
    const files: string[] = [];
    for await (const file of glob('**/*.test.{ts,js,mjs}', {
      cwd: directory,
      exclude: (path) => path === 'node_modules',
    }))
      files.push(file);
    if (files.length === 0) {
      throw new TreecastError('NOT_FOUND', `${directory} has no tests.`, {
        fix: 'A test file ends in .test.ts, .test.js or .test.mjs.',
      });
    }
    files.sort();
    const paths = files.map((file) => join(directory, file));
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--import', pluginApiModule, '--test', ...paths],
      { cwd: directory, stdio: ['ignore', 2, 2], signal, env: ownTestRun() },
    );
    const [code] = (await once(child, 'close')) as [number | null];
    output.answer({ directory, files, passed: code === 0 }, () => [
      code === 0 ? 'All tests pass.' : 'Tests fail.',
    ]);
    return code === 0 ? 'ok' : 'failed';
  },
});

/** Also when this command is itself called by a test: Node would skip a run inside a run. */
function ownTestRun(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return env;
}
