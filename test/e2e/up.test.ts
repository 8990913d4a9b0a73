import assert from 'node:assert/strict';
import { cp, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SegmentResource } from '../../src/model/api.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { createUpFixture, type UpFixture } from './up-fixture.ts';

const exampleSite = fileURLToPath(new URL('../../examples/site', import.meta.url));

let fixture: UpFixture;

before(async () => {
  fixture = await createUpFixture();
});

after(() => fixture.close());

test('the ready line is the only one and has exactly the promised fields; URLs are origins', async () => {
  const { ready, lines } = fixture.up;
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
  const path = join(fixture.directory, 'token');
  assert.equal((await readFile(path, 'utf8')).trim(), fixture.up.ready.token);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(fixture.env['TREECAST_CONTEXT'] as string)).mode & 0o777, 0o600);
});

test('before the first push nodes serve a page that is part of no tree', async () => {
  const { bodies, trees } = await fixture.served();
  assert.equal(bodies.size, 1);
  assert.deepEqual(trees, new Set(['none']));
  const status = await fixture.cliJson<{ tree: null; nodes: { connected: boolean }[] }>('status', 'sample');
  assert.equal(status.tree, null);
  assert.deepEqual(
    status.nodes.map(({ connected }) => connected),
    [true, true, true],
  );
});

test('every agent is a child process with its --dir on the command line; a second owner is refused', async () => {
  assert.deepEqual([...fixture.up.agentPids().keys()], ['node1', 'node2', 'node3']);
  for (const [name, pid] of fixture.up.agentPids()) {
    const parent = /\nPPid:\t(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    assert.equal(Number(parent), fixture.up.pid, name);
  }
  const { code, stdout } = await fixture.cli(['up', '--dir', fixture.directory, '--json']);
  assert.equal(code, 3);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
  assert.equal(error.code, 'STATE_DIRECTORY_LOCKED');
  assert.ok(error.message.includes(`process ${fixture.up.pid}`), error.message);
});

test('R1.1: a real push of a real site is live on all nodes when git returns; status and verify agree', async () => {
  await cp(exampleSite, fixture.work, { recursive: true });
  await fixture.git('init', '-q', '-b', 'main');
  await fixture.git('add', '.');
  await fixture.git('commit', '-qm', 'First version');
  const tree = (await fixture.git('rev-parse', 'HEAD^{tree}')).stdout.trim();
  const { stderr } = await fixture.git('push', fixture.remote(), 'main');
  assert.match(stderr, /remote: .*live 3\/3/);
  const { bodies, trees } = await fixture.served();
  assert.deepEqual(trees, new Set([tree]));
  assert.deepEqual(bodies, new Set([await readFile(join(exampleSite, 'index.html'), 'utf8')]));
  assert.equal((await fixture.served('/guide/')).bodies.size, 1);

  const commit = (await fixture.git('rev-parse', 'HEAD')).stdout.trim();
  assert.deepEqual(await fixture.cliJson('verify', 'sample'), {
    site: 'sample',
    commit,
    tree,
    nodes: ['node1', 'node2', 'node3'].map((name) => ({ name, tree, ok: true })),
  });
  const all = await fixture.cliJson<{ sites: { site: string; tree: string }[] }>('status');
  assert.deepEqual(
    all.sites.map((status) => [status.site, status.tree]),
    [['sample', tree]],
  );
  const text = await fixture.cli(['status', 'sample']);
  assert.ok(text.stdout.includes(tree.slice(0, 10)), text.stdout);
});

test('jobs are listed and shown; publish --wait of what is live succeeds at once; rollback goes back', async () => {
  const { trees: first } = await fixture.served();
  const tree = await fixture.commitPage('<h1>Second</h1>');
  await fixture.git('push', '-q', fixture.remote(), 'main');
  assert.deepEqual((await fixture.served()).trees, new Set([tree]));

  const { jobs } = await fixture.cliJson<{ jobs: { id: string; phase: string; type: string }[] }>(
    'job',
    'list',
  );
  assert.ok(jobs.length >= 2);
  const shown = await fixture.cliJson<{ id: string; phase: string }>('job', 'show', jobs[0]?.id ?? '');
  assert.equal(shown.phase, 'succeeded');
  const published = await fixture.cliJson<{ phase: string; tree: string }>('publish', 'sample', '--wait');
  assert.deepEqual([published.phase, published.tree], ['succeeded', tree]);

  const back = await fixture.cliJson<{ phase: string; type: string }>('rollback', 'sample');
  assert.deepEqual([back.type, back.phase], ['rollback', 'succeeded']);
  assert.deepEqual((await fixture.served()).trees, first);
  const forward = await fixture.cliJson<{ phase: string }>('publish', 'sample', '--ref', 'main', '--wait');
  assert.equal(forward.phase, 'succeeded');
  assert.deepEqual((await fixture.served()).trees, new Set([tree]));
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
    [['token', 'list', '--token', fixture.up.ready.token], 'FORBIDDEN'],
  ] as const) {
    const { code, stdout } = await fixture.cli([...argv, '--json']);
    assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, expected, argv.join(' '));
    assert.equal(code, 3, argv.join(' '));
  }
});

test('a token is made for one site, shown once, works for it alone, and is refused after it was revoked', async () => {
  await fixture.cliJson('group', 'add', 'two', '--node', 'node1', '--node', 'node2');
  const site = await fixture.cliJson<{ gitUrl: string }>('site', 'add', 'blog', '--group', 'two');
  assert.equal(site.gitUrl, `${fixture.up.ready.api}/git/blog.git`);
  const made = await fixture.cliJson<{ id: string; token: string }>(
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
  await fixture.git('push', '-q', fixture.remote('blog', made.token), 'main');
  await assert.rejects(fixture.git('push', fixture.remote('sample', made.token), 'main'));
  const listed = await fixture.cliJson<{ tokens: { id: string }[] }>('token', 'list');
  assert.ok(listed.tokens.some(({ id }) => id === made.id));
  assert.ok(!JSON.stringify(listed).includes(made.token));
  await fixture.cliJson('token', 'revoke', made.id);
  await assert.rejects(
    fixture.git('push', fixture.remote('blog', made.token), 'main'),
    /403|401|could not read|Authentication failed/,
  );
});

test('groups and sites change: a node that comes into a group gets its sites', async () => {
  const group = await fixture.cliJson<{ nodes: string[] }>(
    'group',
    'set',
    'two',
    '--add-node',
    'node3',
    '--remove-node',
    'node1',
  );
  assert.deepEqual(group.nodes.toSorted(), ['node2', 'node3']);
  await until('node3 serves blog', async () => {
    const status = await fixture.cliJson<{ nodes: { node: string; phase: string }[] }>('status', 'blog');
    return status.nodes.length === 2 && status.nodes.every(({ phase }) => phase === 'live');
  });
  await writeFile(join(fixture.home, 'policy.yaml'), 'deleteShareMax: 0.1\n');
  const changed = await fixture.cliJson<{ branch: string; policy: { deleteShareMax: number } }>(
    'site',
    'set',
    'blog',
    '--policy',
    'policy.yaml',
  );
  assert.equal(changed.policy.deleteShareMax, 0.1);
  assert.equal((await fixture.cli(['group', 'remove', 'two'])).code, 3);
  await fixture.cliJson('site', 'remove', 'blog');
  await fixture.cliJson('group', 'remove', 'two');
  const { sites } = await fixture.cliJson<{ sites: { name: string }[] }>('site', 'list');
  assert.deepEqual(
    sites.map(({ name }) => name),
    ['sample'],
  );
});

test('N71: a node in maintenance is left out and owed the work', async () => {
  await fixture.cliJson('node', 'maintenance', 'node3', 'on');
  const tree = await fixture.commitPage('<h1>Without node3</h1>');
  await fixture.git('push', '-q', fixture.remote(), 'main');
  const { trees } = await fixture.served();
  assert.equal(trees.size, 2);
  assert.ok(trees.has(tree));
  await fixture.cliJson('node', 'maintenance', 'node3', 'off');
  await until('node3 has caught up', async () => (await fixture.served()).trees.size === 1);
  assert.deepEqual((await fixture.served()).trees, new Set([tree]));
});

test('an agent that is killed is started again and serves the same at the same URL', async () => {
  const { trees } = await fixture.served();
  const pid = fixture.up.agentPids().get('node2') as number;
  process.kill(pid, 'SIGKILL');
  await until('node2 runs again', () => {
    const now = fixture.up.agentPids().get('node2');
    return now !== undefined && now !== pid;
  });
  await until('node2 is connected', async () => {
    const { connected } = await fixture.cliJson<{ connected: boolean }>('node', 'show', 'node2');
    return connected;
  });
  assert.deepEqual((await fixture.served()).trees, trees);
  const tree = await fixture.commitPage('<h1>After a death</h1>');
  await fixture.git('push', '-q', fixture.remote(), 'main');
  assert.deepEqual((await fixture.served()).trees, new Set([tree]));
});

test('status --watch --json prints a line for every change, until the reader goes', async () => {
  const gone = new AbortController();
  const lines: string[] = [];
  const tree = await fixture.commitPage('<h1>Watched</h1>');
  const watching = fixture.cli(['status', 'sample', '--watch', '--json'], {
    readerGone: gone.signal,
    stdout: {
      write(text) {
        lines.push(text);
        if (text.includes(`"tree":"${tree}"`)) gone.abort();
      },
    },
  });
  await until('the first line is there', () => lines.length === 1);
  await fixture.git('push', '-q', fixture.remote(), 'main');
  const { code } = await watching;
  assert.equal(code, 130);
  assert.ok(lines.length >= 2);
  for (const line of lines) assert.equal((JSON.parse(line) as { site: string }).site, 'sample');
});

test('assignment inspect prints what the CCM built', async () => {
  const assignments = join(fixture.directory, 'ccm', 'assignments');
  const files = (await readdir(assignments, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  let inspected = 0;
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    if ((await readFile(path)).subarray(0, 4).toString() !== 'TCA1') continue;
    const description = await fixture.cliJson<{ header: { site: string }; commands: unknown[] }>(
      'assignment',
      'inspect',
      path,
    );
    assert.equal(description.header.site.length > 0, true);
    const { code, stdout } = await fixture.cli(['assignment', 'inspect', path]);
    assert.equal(code, 0);
    assert.match(stdout, /target tree +[0-9a-f]{40}/);
    inspected++;
  }
  assert.ok(inspected > 0, 'no manifest was found');
});

test('doctor finds nothing that fails', async () => {
  // An agent was killed further up, perhaps the leader.
  await until('every segment has its leader', async () => {
    const { segments } = await fixture.cliJson<{ segments: SegmentResource[] }>('segment', 'list');
    return segments.every(({ leader, refused }) => leader !== null && refused.length === 0);
  });
  const { checks } = await fixture.cliJson<{ checks: { name: string; outcome: string }[] }>(
    'doctor',
    '--dir',
    fixture.directory,
  );
  assert.deepEqual(
    checks.filter(({ name }) => name !== 'disk').map(({ name, outcome }) => `${name} ${outcome}`),
    [
      'node ok',
      'git ok',
      'context ok',
      'ccm ok',
      'clock ok',
      'token ok',
      'nodes ok',
      'segments ok',
      'certificates ok',
    ],
  );
});

test('one byte flipped on one node, size and mtime restored: verify ends with 1 and names node and path', async () => {
  const path = join(fixture.directory, 'agents', 'node1', 'sites', 'sample', 'live', 'styles', 'site.css');
  const before = await stat(path);
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
  await writeFile(path, bytes);
  await utimes(path, before.atime, before.mtime);
  const { code, stdout, stderr } = await fixture.cli(['verify', 'sample', '--json']);
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
  assert.equal((await fixture.cli(['verify', 'sample'])).code, 0);
});
