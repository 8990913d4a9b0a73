// A plugin that throws where nothing waits for it, in real processes: agent and CCM name it in their log and go on. What is no plugin's
// ends them, as a defect.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTestCli } from '../../src/cli/testing/run-cli.ts';
import { type TestScope, temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { repositoryRoot } from '../run/repository-root.ts';
import { linkAgent } from './linked-agent.ts';

const token = 'do-not-print-me';

/** Throws in a timer of its set-up, and leaves a promise alone in each `afterSwitch`. */
const late = (place: 'agent' | 'ccm'): string => `
import { definePlugin, secret, z } from 'treecast/plugin';
export const late = definePlugin({
  name: 'late', summary: 'throws late', places: ['${place}'], configSchema: z.strictObject({ token: secret() }),
  setup({ config }) {
    setTimeout(() => { throw new Error('in a timer ' + config.token.reveal()); }, 1);
    setTimeout(async () => { throw new Error('in a promise'); }, 1);
    setTimeout(async () => { await fetch('http://127.0.0.1:1/'); }, 1);
    setTimeout(() => { throw 'no error at all'; }, 1);
    return { hooks: ${
      place === 'ccm' ? '{}' : `{ afterSwitch({ to }) { void ask(to.release); return { note: 'done' }; } }`
    } };
  },
});
async function ask(release) {
  await null;
  throw new Error('behind the switch to ' + release);
}`;

const entry = { use: './late.mjs', config: { token: { env: 'LATE_TOKEN' } } };

interface Started {
  /** Standard output and log so far. */
  said(): { readonly stdout: string; readonly log: string };
  /** Resolves when a line of the log names the plugin and has the text in its stack. */
  logged(text: string): Promise<void>;
  readonly ended: Promise<unknown[]>;
  stop(): void;
}

function start(t: TestScope, args: readonly string[], env: Record<string, string> = {}): Started {
  const child = spawn(join(repositoryRoot, 'bin/treecast'), [...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LATE_TOKEN: token, ...env },
  });
  t.after(() => {
    child.kill('SIGKILL');
  });
  let stdout = '';
  let log = '';
  child.stdout.on('data', (text: Buffer) => {
    stdout += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    log += text.toString();
  });
  const isOf = (line: string, text: string): boolean => {
    if (!line.startsWith('{')) return false;
    const { level, plugin, stack, msg } = JSON.parse(line);
    const isNamed = plugin === 'late' && msg === 'the plugin late threw outside of its hooks';
    return isNamed && level === 50 && stack.includes(text);
  };
  return {
    said: () => ({ stdout, log }),
    logged: (text) =>
      until(
        () => `the log tells of "${text}": ${log}`,
        () =>
          log
            .slice(0, log.lastIndexOf('\n') + 1)
            .split('\n')
            .some((line) => isOf(line, text)),
      ),
    ended: once(child, 'close'),
    stop: () => child.kill('SIGTERM'),
  };
}

test('an agent publishes on behind what a plugin throws in a timer and in a promise of a hook', async (t) => {
  const linked = await linkAgent(t);
  await linked.agent.close();
  writeFileSync(join(linked.directory, 'late.mjs'), late('agent'));
  writeFileSync(join(linked.directory, 'agent.yaml'), JSON.stringify({ plugins: [entry] }));
  const agent = start(t, ['agent', 'run', '--dir', linked.directory]);
  await agent.logged('in a timer [secret]');
  await agent.logged('in a promise');
  // These have no stack that names a file.
  await agent.logged('fetch failed');
  await agent.logged('no error at all');
  await until(
    () => `the agent is back: ${agent.said().log}`,
    () => linked.ccm.gateway.isConnected('web-1'),
  );
  const one = { 'index.html': 'one' };
  await linked.publish(linked.release(1, {}, one));
  await agent.logged('behind the switch to 1-0001');
  await linked.publish(linked.release(2, one, { 'index.html': 'two' }));
  await agent.logged('behind the switch to 1-0002');
  agent.stop();
  const { log } = agent.said();
  assert.deepEqual(await agent.ended, [0, null], log);
  assert.doesNotMatch(log, new RegExp(`${token}|defect`));
});

test('a CCM answers on behind what a plugin throws in a timer', async (t) => {
  const cli = createTestCli(t);
  const directory = join(cli.directory, 'ccm');
  assert.equal((await cli.run(['ccm', 'init', '--dir', directory])).code, 0);
  writeFileSync(join(directory, 'late.mjs'), late('ccm'));
  const listen = '127.0.0.1:0';
  writeFileSync(
    join(directory, 'ccm.yaml'),
    JSON.stringify({ listen, agentListen: listen, plugins: [entry] }),
  );
  const ccm = start(t, ['ccm', 'run', '--dir', directory]);
  await ccm.logged('in a timer [secret]');
  await ccm.logged('in a promise');
  await until(
    () => `the CCM is ready: ${ccm.said().log}`,
    () => ccm.said().stdout.endsWith('\n'),
  );
  const { api } = JSON.parse(ccm.said().stdout);
  assert.equal((await fetch(`${api}/api/v1/sites`)).status, 401);
  ccm.stop();
  assert.deepEqual(await ccm.ended, [0, null], ccm.said().log);
});

test('what is thrown elsewhere ends an agent with plugins as a defect', async (t) => {
  const linked = await linkAgent(t);
  await linked.agent.close();
  writeFileSync(join(linked.directory, 'late.mjs'), late('agent'));
  writeFileSync(join(linked.directory, 'agent.yaml'), JSON.stringify({ plugins: [entry] }));
  const elsewhere = join(temporaryDirectory(t), 'elsewhere.mjs');
  const go = `${elsewhere}.go`;
  writeFileSync(
    elsewhere,
    `import { existsSync } from 'node:fs';
setInterval(() => { if (existsSync('${go}')) throw new Error('thrown elsewhere'); }, 10).unref();`,
  );
  const agent = start(t, ['agent', 'run', '--dir', linked.directory], {
    NODE_OPTIONS: `--import=${elsewhere}`,
  });
  await agent.logged('in a promise');
  await agent.logged('fetch failed');
  writeFileSync(go, '');
  assert.deepEqual(await agent.ended, [70, null]);
  assert.match(agent.said().log, /thrown elsewhere[\s\S]*This is a defect in Treecast/);
});
