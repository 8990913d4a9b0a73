// SIGTERM while a plugin hangs at the start: agent and CCM end at once and in good order, as they do later.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTestCli } from '../../src/cli/testing/run-cli.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { repositoryRoot } from '../run/repository-root.ts';
import { linkAgent } from './linked-agent.ts';

/** Far below the limit of a set-up. */
const endsWithinMs = 20_000;

/** A plugin in `directory` that hangs in its set-up, with what would keep a process alive. */
function writeHanging(directory: string, place: 'agent' | 'ccm'): { readonly begun: string } {
  const begun = join(directory, 'begun');
  writeFileSync(
    join(directory, 'hang.mjs'),
    `import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { definePlugin, z } from 'treecast/plugin';
export const hang = definePlugin({
  name: 'hang', summary: 'hangs', places: ['${place}'], configSchema: z.strictObject({}),
  setup() {
    writeFileSync('${begun}', '');
    createServer().listen(0, '127.0.0.1');
    return new Promise(() => {});
  },
});`,
  );
  writeFileSync(join(directory, `${place}.yaml`), 'plugins:\n  - use: ./hang.mjs\n');
  return { begun };
}

async function endsWhenTold(args: readonly string[], begun: string): Promise<void> {
  const child = spawn(join(repositoryRoot, 'bin/treecast'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const ended = once(child, 'close');
  try {
    await until(
      () => `the plugin hangs: ${said}`,
      () => existsSync(begun),
      endsWithinMs,
    );
    child.kill('SIGTERM');
    const toldAt = performance.now();
    assert.deepEqual(await ended, [0, null], said);
    assert.ok(performance.now() - toldAt < endsWithinMs);
  } finally {
    child.kill('SIGKILL');
  }
}

test('an agent', async (t) => {
  const linked = await linkAgent(t);
  await linked.agent.close();
  const { begun } = writeHanging(linked.directory, 'agent');
  await endsWhenTold(['agent', 'run', '--dir', linked.directory], begun);
});

test('a CCM', async (t) => {
  const cli = createTestCli(t);
  const directory = join(cli.directory, 'ccm');
  assert.equal((await cli.run(['ccm', 'init', '--dir', directory])).code, 0);
  const { begun } = writeHanging(directory, 'ccm');
  await endsWhenTold(['ccm', 'run', '--dir', directory], begun);
});
