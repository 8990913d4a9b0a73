import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  asPlugin,
  logErrorsOfPlugins,
  logIfOfPlugin,
  pluginOfError,
  rememberPlugin,
} from './plugin-of-error.ts';

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-of-error-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const errorAt = (...lines: string[]): Error =>
  Object.assign(new Error('x'), { stack: ['Error: x', ...lines.map((line) => `    at ${line}`)].join('\n') });

test('an error is of the plugin whose file, or else whose folder, is nearest to it', (t) => {
  const directory = temporaryDirectory(t);
  const inner = join(directory, 'inner dir');
  mkdirSync(inner);
  const files = {
    one: join(directory, 'one.mjs'),
    two: join(directory, 'two.mjs'),
    in: join(inner, 'index.mjs'),
  };
  for (const [name, file] of Object.entries(files)) {
    writeFileSync(file, '');
    symlinkSync(file, `${file}.link`);
    rememberPlugin(`${file}.link`, name);
  }
  const at = (path: string): string => pathToFileURL(path).href;
  assert.equal(pluginOfError(errorAt(`${at(files.one)}:1:2`)), 'one');
  assert.equal(pluginOfError(errorAt(`Timeout.run [as _onTimeout] (${at(files.two)}:1:2)`)), 'two');
  assert.equal(pluginOfError(errorAt(`async Promise.all (index 0)`, `async ${at(files.two)}:1:2`)), 'two');
  assert.equal(pluginOfError(errorAt(`async work (${at(join(inner, 'lib', 'work.mjs'))}:1:2)`)), 'in');
  // Packages that are CommonJS are named by their paths.
  assert.equal(pluginOfError(errorAt(`work (${join(inner, 'work.cjs')}:1:2)`)), 'in');
  assert.equal(
    pluginOfError(
      errorAt(`ask (${at(join(inner, 'node_modules/a/a.js'))}:1:2)`, `work (${at(files.one)}:3:4)`),
    ),
    'one',
  );
});

test('an error of Treecast, of a package, of another folder or without a stack is no plugin’s', (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'plugin.mjs');
  writeFileSync(file, '');
  rememberPlugin(file, 'late');
  // As a plugin that lies beside Treecast's own code, whose folder has it inside.
  rememberPlugin(join(import.meta.dirname, '../../../package.json'), 'around');
  assert.equal(pluginOfError(new Error('here')), undefined);
  assert.equal(pluginOfError(errorAt(`a (${join(directory, 'node_modules/a/a.js')}:1:2)`)), undefined);
  assert.equal(pluginOfError(errorAt(`a (${directory}-other/a.js:1:2)`)), undefined);
  assert.equal(pluginOfError(errorAt('a (node:internal/timers:1:2)', 'b (file:///%zz:1:2)')), undefined);
  assert.equal(pluginOfError(Object.assign(new Error('x'), { stack: undefined })), undefined);
  assert.equal(pluginOfError('text'), undefined);
});

test('it is logged only where plugins run', (t) => {
  const file = join(temporaryDirectory(t), 'plugin.mjs');
  writeFileSync(file, '');
  rememberPlugin(file, 'late');
  const error = errorAt(`${file}:1:2`);
  assert.equal(logIfOfPlugin(error), false);
  const lines: unknown[] = [];
  const ignore = (): void => undefined;
  const log = { debug: ignore, info: ignore, warn: ignore, error: (...line: unknown[]) => lines.push(line) };
  logErrorsOfPlugins(log);
  assert.equal(logIfOfPlugin(new Error('here')), false);
  assert.equal(logIfOfPlugin(error), true);
  assert.deepEqual(lines, [
    [{ plugin: 'late', stack: error.stack }, 'the plugin late threw outside of its hooks'],
  ]);
  assert.equal(
    asPlugin('caller', () => logIfOfPlugin('text')),
    true,
  );
  assert.deepEqual(lines[1], [
    { plugin: 'caller', stack: "'text'" },
    'the plugin caller threw outside of its hooks',
  ]);
  assert.equal(logIfOfPlugin('text'), false);
});
