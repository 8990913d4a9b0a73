import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../../src/plugins/testing/until.ts';
import { createUpFixture, type UpFixture } from './up-fixture.ts';
import { launcher } from './up-process.ts';

const execute = promisify(execFile);

let fixture: UpFixture;

before(async () => {
  fixture = await createUpFixture();
});

after(() => fixture.close());

test('SIGTERM ends it with 0, agents too; the next start is the same again', async () => {
  await mkdir(fixture.work);
  await fixture.git('init', '-q', '-b', 'main');
  const first = await fixture.commitPage('<h1>First</h1>');
  await fixture.git('push', '-q', fixture.remote(), 'main');
  const { trees } = await fixture.served();
  assert.deepEqual(trees, new Set([first]));
  const { ready } = fixture.up;
  const pids = [...fixture.up.agentPids().values()];
  assert.equal(await fixture.up.end('SIGTERM'), 0);
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  assert.equal(fixture.up.lines.length, 1);

  await fixture.restart();
  assert.deepEqual(fixture.up.ready, ready);
  assert.deepEqual((await fixture.served()).trees, trees);
  const tree = await fixture.commitPage('<h1>After a restart</h1>');
  await fixture.git('push', '-q', fixture.remote(), 'main');
  assert.deepEqual((await fixture.served()).trees, new Set([tree]));
});

test('after kill -9 of up no agent stays, and the directory can be used again', async () => {
  const pids = [...fixture.up.agentPids().values()];
  assert.equal(pids.length, 3);
  assert.equal(await fixture.up.end('SIGKILL'), 'SIGKILL');
  await until('all agents are gone', () =>
    pids.every((pid) => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    }),
  );
  const { nodes } = fixture.up.ready;
  await fixture.restart('--agents', '1');
  assert.deepEqual(fixture.up.ready.nodes, nodes.slice(0, 1));
});

test('ccm init and run, agent join and run: a CCM with its own context, an agent that joins once', async (t) => {
  await fixture.up.end('SIGTERM');
  const ccm = join(fixture.home, 'ccm');
  const made = await fixture.cliJson<{ api: string; token: string; configuration: string }>(
    'ccm',
    'init',
    '--dir',
    ccm,
  );
  assert.equal((await fixture.cli(['ccm', 'init', '--dir', ccm])).code, 3);
  assert.equal((await fixture.cli(['config', 'check', made.configuration])).code, 0);
  await writeFile(made.configuration, 'listen: 127.0.0.1:0\nagentListen: 127.0.0.1:0\nlog: {level: warn}\n');
  const stop = new AbortController();
  t.after(() => stop.abort());
  const ready = Promise.withResolvers<{ api: string; agentUrl: string }>();
  const running = fixture.cli(['ccm', 'run', '--dir', ccm, '--json'], {
    signal: stop.signal,
    stdout: { write: (text) => ready.resolve(JSON.parse(text)) },
  });
  const { api } = await ready.promise;
  const account = ['--api', api, '--token', made.token];
  const { token } = await fixture.cliJson<{ token: string }>('node', 'join-token', ...account);
  const agent = join(fixture.home, 'agent');
  await mkdir(agent);
  const joined = await fixture.cliJson<{ node: string }>(
    'agent',
    'join',
    token,
    '--dir',
    agent,
    '--name',
    'web1',
    '--label',
    'region=eu',
    '--serve',
    '127.0.0.1:0',
  );
  assert.equal(joined.node, 'web1');
  const again = await fixture.cli([
    'agent',
    'join',
    token,
    '--dir',
    join(fixture.home, 'other'),
    '--name',
    'web2',
    '--json',
  ]);
  assert.equal(again.code, 3);
  assert.match(again.stdout, /JOIN_TOKEN_INVALID/);

  const agentStop = new AbortController();
  t.after(() => agentStop.abort());
  const serving = Promise.withResolvers<{ url: string }>();
  const agentRunning = fixture.cli(['agent', 'run', '--dir', agent, '--json', '--log-level', 'warn'], {
    signal: agentStop.signal,
    stdout: { write: (text) => serving.resolve(JSON.parse(text)) },
  });
  const { url } = await serving.promise;
  assert.equal((await fetch(url)).status, 200);
  await until('web1 is connected', async () => {
    const { nodes } = await fixture.cliJson<{ nodes: { name: string; connected: boolean }[] }>(
      'node',
      'list',
      ...account,
    );
    return nodes[0]?.connected === true;
  });
  agentStop.abort();
  assert.equal((await agentRunning).code, 0);
  await fixture.cliJson('node', 'remove', 'web1', ...account);
  stop.abort();
  assert.equal((await running).code, 0);
});

test('the launcher prints the version and survives a reader that goes away', async () => {
  const { stdout } = await execute(launcher, ['--version'], { env: fixture.env });
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  await execute('sh', ['-c', '"$0" --help | head -1', launcher], { env: fixture.env });
});
