import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type RunOptions, run } from '../../src/cli/run.ts';
import { launcher, startUpProcess, type UpProcess } from './up-process.ts';
import { waitUntil } from './wait-until.ts';

const execute = promisify(execFile);
const exampleSite = fileURLToPath(new URL('../../examples/site', import.meta.url));

let home: string;
let directory: string;
let work: string;
let env: NodeJS.ProcessEnv;
let up: UpProcess;

before(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'treecast-up-')));
  directory = join(home, 'state');
  work = join(home, 'my-site');
  env = {
    PATH: process.env['PATH'],
    HOME: home,
    TREECAST_CONTEXT: join(home, 'context.json'),
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  up = await startUpProcess(directory, env, ['--port', '0']);
});

after(async () => {
  await up?.end('SIGKILL');
  await rm(home, { recursive: true, force: true, maxRetries: 20 });
});

interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function cli(argv: readonly string[], options: Partial<RunOptions> = {}): Promise<CliResult> {
  let stdout = '';
  let stderr = '';
  const code = await run(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env,
    cwd: home,
    ...options,
  });
  return { code, stdout, stderr };
}

/** The JSON document of a command that has to succeed. */
async function cliJson<T>(...argv: string[]): Promise<T> {
  const { code, stdout, stderr } = await cli([...argv, '--json']);
  assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

async function git(...argv: string[]): Promise<{ stdout: string; stderr: string }> {
  const identity = ['-c', 'user.name=Author', '-c', 'user.email=author@example.org'];
  return execute('git', [...identity, ...argv], { cwd: existsSync(work) ? work : home, env });
}

function remote(repository = 'sample', token = up.ready.token): string {
  return `${up.ready.api.replace('://', `://you:${token}@`)}/git/${repository}.git`;
}

async function commitPage(text: string): Promise<string> {
  await writeFile(join(work, 'index.html'), text);
  await git('add', '-A');
  await git('commit', '-qm', text);
  return (await git('rev-parse', 'HEAD^{tree}')).stdout.trim();
}

/** Bodies and tree ids that all nodes serve. */
async function served(path = '/'): Promise<{ bodies: Set<string>; trees: Set<string | null> }> {
  const answers = await Promise.all(
    up.ready.nodes.map(async ({ url }) => {
      const response = await fetch(url + path);
      return { body: await response.text(), tree: response.headers.get('treecast-tree') };
    }),
  );
  return {
    bodies: new Set(answers.map(({ body }) => body)),
    trees: new Set(answers.map(({ tree }) => tree)),
  };
}

test('the ready line is the only one and has exactly the promised fields; URLs are origins', async () => {
  const { ready, lines } = up;
  assert.deepEqual(Object.keys(ready), ['ready', 'api', 'git', 'token', 'site', 'branch', 'nodes']);
  assert.equal(lines.length, 1);
  assert.equal(ready.ready, true);
  assert.equal(new URL(ready.api).origin, ready.api);
  assert.equal(ready.git, `${ready.api}/git/sample.git`);
  assert.match(ready.token, /^[A-Za-z0-9_-]+$/);
  assert.equal(ready.site, 'sample');
  assert.equal(ready.branch, 'main');
  assert.equal(ready.nodes.length, 3);
  for (const { name, url } of ready.nodes) {
    assert.match(name, /^node\d$/);
    assert.equal(new URL(url).origin, url);
  }
  assert.equal((await fetch(`${ready.api}/healthz`)).status, 200);
});

test('the token is kept with mode 0600, and the context file too', async () => {
  const path = join(directory, 'token');
  assert.equal((await readFile(path, 'utf8')).trim(), up.ready.token);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(env['TREECAST_CONTEXT'] as string)).mode & 0o777, 0o600);
});

test('before the first push nodes serve a page that is part of no tree', async () => {
  const { bodies, trees } = await served();
  assert.equal(bodies.size, 1);
  assert.deepEqual(trees, new Set(['none']));
  const status = await cliJson<{ tree: null; nodes: { connected: boolean }[] }>('status', 'sample');
  assert.equal(status.tree, null);
  assert.deepEqual(
    status.nodes.map(({ connected }) => connected),
    [true, true, true],
  );
});

test('every agent is a child process with its --dir on the command line; a second owner is refused', async () => {
  assert.deepEqual([...up.agentPids().keys()], ['node1', 'node2', 'node3']);
  for (const [name, pid] of up.agentPids()) {
    const parent = /\nPPid:\t(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    assert.equal(Number(parent), up.pid, name);
  }
  const { code, stdout } = await cli(['up', '--dir', directory, '--json']);
  assert.equal(code, 3);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
  assert.equal(error.code, 'STATE_DIRECTORY_LOCKED');
  assert.ok(error.message.includes(`process ${up.pid}`), error.message);
});

test('R1.1: a real push of a real site is live on all nodes when git returns; status and verify agree', async () => {
  await cp(exampleSite, work, { recursive: true });
  await git('init', '-q', '-b', 'main');
  await git('add', '.');
  await git('commit', '-qm', 'First version');
  const tree = (await git('rev-parse', 'HEAD^{tree}')).stdout.trim();
  const { stderr } = await git('push', remote(), 'main');
  assert.match(stderr, /remote: .*live 3\/3/);
  const { bodies, trees } = await served();
  assert.deepEqual(trees, new Set([tree]));
  assert.deepEqual(bodies, new Set([await readFile(join(exampleSite, 'index.html'), 'utf8')]));
  assert.equal((await served('/guide/')).bodies.size, 1);

  const commit = (await git('rev-parse', 'HEAD')).stdout.trim();
  assert.deepEqual(await cliJson('verify', 'sample'), {
    site: 'sample',
    commit,
    tree,
    nodes: ['node1', 'node2', 'node3'].map((name) => ({ name, tree, ok: true })),
  });
  const all = await cliJson<{ sites: { site: string; tree: string }[] }>('status');
  assert.deepEqual(
    all.sites.map((status) => [status.site, status.tree]),
    [['sample', tree]],
  );
  const text = await cli(['status', 'sample']);
  assert.ok(text.stdout.includes(tree.slice(0, 10)), text.stdout);
});

test('jobs are listed and shown; publish --wait of what is live succeeds at once; rollback goes back', async () => {
  const { trees: first } = await served();
  const tree = await commitPage('<h1>Second</h1>');
  await git('push', '-q', remote(), 'main');
  assert.deepEqual((await served()).trees, new Set([tree]));

  const { jobs } = await cliJson<{ jobs: { id: string; phase: string; type: string }[] }>('job', 'list');
  assert.ok(jobs.length >= 2);
  const shown = await cliJson<{ id: string; phase: string }>('job', 'show', jobs[0]?.id ?? '');
  assert.equal(shown.phase, 'succeeded');
  const published = await cliJson<{ phase: string; tree: string }>('publish', 'sample', '--wait');
  assert.deepEqual([published.phase, published.tree], ['succeeded', tree]);

  const back = await cliJson<{ phase: string; type: string }>('rollback', 'sample');
  assert.deepEqual([back.type, back.phase], ['rollback', 'succeeded']);
  assert.deepEqual((await served()).trees, first);
  const forward = await cliJson<{ phase: string }>('publish', 'sample', '--ref', 'main', '--wait');
  assert.equal(forward.phase, 'succeeded');
  assert.deepEqual((await served()).trees, new Set([tree]));
});

test('N48: what is not there is refused with 3 and a code; a ref that is not there too', async () => {
  for (const [argv, expected] of [
    [['site', 'show', 'nowhere'], 'NOT_FOUND'],
    [['publish', 'nowhere'], 'NOT_FOUND'],
    [['publish', 'sample', '--ref', 'nowhere'], 'REF_UNKNOWN'],
    [['job', 'show', 'nothing'], 'NOT_FOUND'],
    [['node', 'show', 'nobody'], 'NOT_FOUND'],
    [['token', 'revoke', 'nothing'], 'NOT_FOUND'],
    [['site', 'add', 'sample'], 'ALREADY_EXISTS'],
    [['site', 'list', '--token', 'tc_wrong'], 'UNAUTHENTICATED'],
    [['token', 'list', '--token', up.ready.token], 'FORBIDDEN'],
  ] as const) {
    const { code, stdout } = await cli([...argv, '--json']);
    assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, expected, argv.join(' '));
    assert.equal(code, 3, argv.join(' '));
  }
});

test('a token is made for one site, shown once, works for it alone, and is refused after it was revoked', async () => {
  await cliJson('group', 'add', 'two', '--node', 'node1', '--node', 'node2');
  const site = await cliJson<{ gitUrl: string }>('site', 'add', 'blog', '--group', 'two');
  assert.equal(site.gitUrl, `${up.ready.api}/git/blog.git`);
  const made = await cliJson<{ id: string; token: string }>(
    'token',
    'create',
    'anna',
    '--role',
    'author',
    '--site',
    'blog',
    '--expires-in',
    '1h',
  );
  await git('push', '-q', remote('blog', made.token), 'main');
  await assert.rejects(git('push', remote('sample', made.token), 'main'));
  const listed = await cliJson<{ tokens: { id: string }[] }>('token', 'list');
  assert.ok(listed.tokens.some(({ id }) => id === made.id));
  assert.ok(!JSON.stringify(listed).includes(made.token));
  await cliJson('token', 'revoke', made.id);
  await assert.rejects(
    git('push', remote('blog', made.token), 'main'),
    /403|401|could not read|Authentication failed/,
  );
});

test('groups and sites change: a node that comes into a group gets its sites', async () => {
  const group = await cliJson<{ nodes: string[] }>(
    'group',
    'set',
    'two',
    '--add-node',
    'node3',
    '--remove-node',
    'node1',
  );
  assert.deepEqual(group.nodes.toSorted(), ['node2', 'node3']);
  await waitUntil('node3 serves blog', async () => {
    const status = await cliJson<{ nodes: { node: string; phase: string }[] }>('status', 'blog');
    return status.nodes.length === 2 && status.nodes.every(({ phase }) => phase === 'live');
  });
  await writeFile(join(home, 'policy.yaml'), 'deleteShareMax: 0.1\n');
  const changed = await cliJson<{ branch: string; policy: { deleteShareMax: number } }>(
    'site',
    'set',
    'blog',
    '--policy',
    'policy.yaml',
  );
  assert.equal(changed.policy.deleteShareMax, 0.1);
  assert.equal((await cli(['group', 'remove', 'two'])).code, 3);
  await cliJson('site', 'remove', 'blog');
  await cliJson('group', 'remove', 'two');
  const { sites } = await cliJson<{ sites: { name: string }[] }>('site', 'list');
  assert.deepEqual(
    sites.map(({ name }) => name),
    ['sample'],
  );
});

test('N71: a node in maintenance is left out and owed the work', async () => {
  await cliJson('node', 'maintenance', 'node3', 'on');
  const tree = await commitPage('<h1>Without node3</h1>');
  await git('push', '-q', remote(), 'main');
  const { trees } = await served();
  assert.equal(trees.size, 2);
  assert.ok(trees.has(tree));
  await cliJson('node', 'maintenance', 'node3', 'off');
  await waitUntil('node3 has caught up', async () => (await served()).trees.size === 1);
  assert.deepEqual((await served()).trees, new Set([tree]));
});

test('an agent that is killed is started again and serves the same at the same URL', async () => {
  const { trees } = await served();
  const pid = up.agentPids().get('node2') as number;
  process.kill(pid, 'SIGKILL');
  await waitUntil('node2 runs again', () => {
    const now = up.agentPids().get('node2');
    return now !== undefined && now !== pid;
  });
  await waitUntil('node2 is connected', async () => {
    const { connected } = await cliJson<{ connected: boolean }>('node', 'show', 'node2');
    return connected;
  });
  assert.deepEqual((await served()).trees, trees);
  const tree = await commitPage('<h1>After a death</h1>');
  await git('push', '-q', remote(), 'main');
  assert.deepEqual((await served()).trees, new Set([tree]));
});

test('status --watch --json prints a line for every change, until the reader goes', async () => {
  const gone = new AbortController();
  const lines: string[] = [];
  const tree = await commitPage('<h1>Watched</h1>');
  const watching = cli(['status', 'sample', '--watch', '--json'], {
    readerGone: gone.signal,
    stdout: {
      write(text) {
        lines.push(text);
        if (text.includes(`"tree":"${tree}"`)) gone.abort();
      },
    },
  });
  await waitUntil('the first line is there', () => lines.length === 1);
  await git('push', '-q', remote(), 'main');
  const { code } = await watching;
  assert.equal(code, 130);
  assert.ok(lines.length >= 2);
  for (const line of lines) assert.equal((JSON.parse(line) as { site: string }).site, 'sample');
});

test('assignment inspect prints what the CCM built', async () => {
  const assignments = join(directory, 'ccm', 'assignments');
  const files = (await readdir(assignments, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  let inspected = 0;
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    if ((await readFile(path)).subarray(0, 4).toString() !== 'TCA1') continue;
    const description = await cliJson<{ header: { site: string }; commands: unknown[] }>(
      'assignment',
      'inspect',
      path,
    );
    assert.equal(description.header.site.length > 0, true);
    const { code, stdout } = await cli(['assignment', 'inspect', path]);
    assert.equal(code, 0);
    assert.match(stdout, /target tree +[0-9a-f]{40}/);
    inspected++;
  }
  assert.ok(inspected > 0, 'no manifest was found');
});

test('doctor finds nothing that fails', async () => {
  const { checks } = await cliJson<{ checks: { name: string; outcome: string }[] }>(
    'doctor',
    '--dir',
    directory,
  );
  assert.deepEqual(
    checks.filter(({ name }) => name !== 'disk').map(({ name, outcome }) => `${name} ${outcome}`),
    ['node ok', 'git ok', 'context ok', 'ccm ok', 'clock ok', 'token ok', 'nodes ok'],
  );
});

test('one byte flipped on one node, size and mtime restored: verify ends with 1 and names node and path', async () => {
  const path = join(directory, 'agents', 'node1', 'sites', 'sample', 'live', 'styles', 'site.css');
  const before = await stat(path);
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
  await writeFile(path, bytes);
  await utimes(path, before.atime, before.mtime);
  const { code, stdout, stderr } = await cli(['verify', 'sample', '--json']);
  assert.equal(code, 1);
  const result = JSON.parse(stdout) as {
    nodes: { name: string; ok: boolean; drift?: { path: string; problem: string }[] }[];
  };
  assert.deepEqual(
    result.nodes.map(({ name, ok }) => [name, ok]),
    [
      ['node1', false],
      ['node2', true],
      ['node3', true],
    ],
  );
  assert.deepEqual(result.nodes[0]?.drift, [{ path: 'styles/site.css', problem: 'content' }]);
  assert.match(stderr, /node1.*styles\/site\.css/);
  bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
  await writeFile(path, bytes);
  await utimes(path, before.atime, before.mtime);
  assert.equal((await cli(['verify', 'sample'])).code, 0);
});

test('SIGTERM ends it within 3 s with 0, agents too; the next start is the same again', async () => {
  const { trees } = await served();
  const { ready } = up;
  const pids = [...up.agentPids().values()];
  const startedAt = performance.now();
  assert.equal(await up.end('SIGTERM'), 0);
  assert.ok(performance.now() - startedAt < 3000);
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  assert.equal(up.lines.length, 1);

  up = await startUpProcess(directory, env, ['--port', '0']);
  assert.deepEqual(up.ready, ready);
  assert.deepEqual((await served()).trees, trees);
  const tree = await commitPage('<h1>After a restart</h1>');
  await git('push', '-q', remote(), 'main');
  assert.deepEqual((await served()).trees, new Set([tree]));
});

test('after kill -9 of up no agent stays, and the directory can be used again', async () => {
  const pids = [...up.agentPids().values()];
  assert.equal(pids.length, 3);
  assert.equal(await up.end('SIGKILL'), 'SIGKILL');
  await waitUntil('all agents are gone', () =>
    pids.every((pid) => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    }),
  );
  const { nodes } = up.ready;
  up = await startUpProcess(directory, env, ['--port', '0', '--agents', '1']);
  assert.deepEqual(up.ready.nodes, nodes.slice(0, 1));
});

test('ccm init and run, agent join and run: a CCM with its own context, an agent that joins once', async (t) => {
  await up.end('SIGTERM');
  const ccm = join(home, 'ccm');
  const made = await cliJson<{ api: string; token: string; configuration: string }>(
    'ccm',
    'init',
    '--dir',
    ccm,
  );
  assert.equal((await cli(['ccm', 'init', '--dir', ccm])).code, 3);
  assert.equal((await cli(['config', 'check', made.configuration])).code, 0);
  await writeFile(made.configuration, 'listen: 127.0.0.1:0\nagentListen: 127.0.0.1:0\nlog: {level: warn}\n');
  const stop = new AbortController();
  t.after(() => stop.abort());
  const ready = Promise.withResolvers<{ api: string; agentUrl: string }>();
  const running = cli(['ccm', 'run', '--dir', ccm, '--json'], {
    signal: stop.signal,
    stdout: { write: (text) => ready.resolve(JSON.parse(text)) },
  });
  const { api } = await ready.promise;
  const account = ['--api', api, '--token', made.token];
  const { token } = await cliJson<{ token: string }>('node', 'join-token', ...account);
  const agent = join(home, 'agent');
  await mkdir(agent);
  const joined = await cliJson<{ node: string }>(
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
  const again = await cli(['agent', 'join', token, '--dir', join(home, 'other'), '--name', 'web2', '--json']);
  assert.equal(again.code, 3);
  assert.match(again.stdout, /JOIN_TOKEN_INVALID/);

  const agentStop = new AbortController();
  t.after(() => agentStop.abort());
  const serving = Promise.withResolvers<{ url: string }>();
  const agentRunning = cli(['agent', 'run', '--dir', agent, '--json', '--log-level', 'warn'], {
    signal: agentStop.signal,
    stdout: { write: (text) => serving.resolve(JSON.parse(text)) },
  });
  const { url } = await serving.promise;
  assert.equal((await fetch(url)).status, 200);
  await waitUntil('web1 is connected', async () => {
    const { nodes } = await cliJson<{ nodes: { name: string; connected: boolean }[] }>(
      'node',
      'list',
      ...account,
    );
    return nodes[0]?.connected === true;
  });
  agentStop.abort();
  assert.equal((await agentRunning).code, 0);
  await cliJson('node', 'remove', 'web1', ...account);
  stop.abort();
  assert.equal((await running).code, 0);
});

test('the launcher prints the version and survives a reader that goes away', async () => {
  const { stdout } = await execute(launcher, ['--version'], { env });
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  await execute('sh', ['-c', '"$0" --help | head -1', launcher], { env });
});
