import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PluginError } from 'treecast/plugin';
import { until } from 'treecast/plugin/testing';
import { startPlugin } from '../testing/start-plugin.ts';

/** A program that keeps a server's state in a file, logs its arguments, and fails for `broken`. */
const program = `#!/bin/sh
directory=$(dirname "$0")
printf '%s\\n' "$*" >> "$directory/calls"
case "$1 $2" in
  *broken*) echo "cannot reach the balancer" >&2; exit 3 ;;
  drain*) echo draining > "$directory/$2" ;;
  restore*) echo in > "$directory/$2" ;;
  state*) cat "$directory/$2" 2>/dev/null || echo in ;;
  sessions*) cat "$directory/sessions" 2>/dev/null || echo 0 ;;
esac
`;

async function withProgram(use: (path: string, directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-command-'));
  const path = join(directory, 'balance');
  await writeFile(path, program);
  await chmod(path, 0o755);
  try {
    await use(path, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function balancerOf(path: string): Record<string, unknown> {
  const call = (action: string, ...more: string[]) => [path, action, '{server}', ...more];
  return {
    name: 'script',
    kind: 'command',
    servers: { web1: 'srv1', web2: ['srv2', 'srv3'], web3: 'broken' },
    commands: {
      drain: call('drain', '--node={node}'),
      restore: call('restore'),
      weigh: call('weigh', '{percent}%', '{weight}'),
      sessions: call('sessions'),
      state: call('state'),
    },
    drain: { waitSeconds: 10 },
  };
}

test('R9.2 command: a call for each server, without a shell; sessions are waited for', () =>
  withProgram(async (path, directory) => {
    const plugin = await startPlugin([balancerOf(path)]);
    await writeFile(join(directory, 'sessions'), '2\n');
    let done = false;
    const drained = plugin.drain(['web2']).then(() => {
      done = true;
    });
    await until('it drains', async () => (await plugin.inspect(['web2'])).nodes[0]?.state === 'draining');
    assert.equal(done, false);
    assert.equal((await plugin.inspect(['web2'])).nodes[0]?.sessions, 4);
    await writeFile(join(directory, 'sessions'), '0\n');
    await drained;
    await plugin.weigh(['web1'], 0.25);
    await plugin.restore(['web2']);
    assert.equal((await plugin.inspect(['web2'])).nodes[0]?.state, 'in');
    const calls = (await readFile(join(directory, 'calls'), 'utf8')).split('\n');
    for (const call of [
      'drain srv2 --node=web2',
      'drain srv3 --node=web2',
      'weigh srv1 25% 25',
      'restore srv3',
    ])
      assert.ok(calls.includes(call), call);
    await plugin.close();
  }));

test('command: a failure is told with what the program said; the other balancer is told all the same', () =>
  withProgram(async (path) => {
    const plugin = await startPlugin([
      balancerOf(path),
      { ...balancerOf(path), name: 'second', servers: { web3: 'srv9' } },
      { ...balancerOf(path), name: 'elsewhere', sites: ['blog'] },
    ]);
    await assert.rejects(plugin.drain(['web3']), (error) => {
      assert.ok(error instanceof PluginError);
      assert.match(
        error.message,
        /^web3: balancer script: (?:state|sessions) of web3 \(broken\): .*balance ended with 3: cannot reach the balancer$/,
      );
      assert.match(error.fix ?? '', /by hand/);
      return true;
    });
    const { nodes, note } = await plugin.inspect(['web3']);
    assert.deepEqual(nodes, [{ node: 'web3', state: 'unknown', sessions: 0, weight: null }]);
    assert.match(note ?? '', /balancer script/);
    await plugin.close();
  }));

test('command: what a program prints is judged', () =>
  withProgram(async (path, directory) => {
    const plugin = await startPlugin([balancerOf(path)]);
    for (const said of ['many', '-1', '1 2', '']) {
      await writeFile(join(directory, 'sessions'), said);
      await assert.rejects(plugin.inspect(['web1']), /instead of a number/, said);
    }
    await writeFile(join(directory, 'sessions'), '1');
    await writeFile(join(directory, 'srv1'), 'sideways');
    await assert.rejects(plugin.inspect(['web1']), /printed "sideways" instead of `in`/);
    await plugin.close();
  }));
