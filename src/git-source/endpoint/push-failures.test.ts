import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { test } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Push } from '../push-authority.ts';
import { createTestRepository, file } from '../test-repository.ts';
import { startGitService } from './git-service.ts';
import { flushPacket, packet } from './pkt-line.ts';
import { pushBody } from './test-push.ts';
import { clientEnvironment, startTestServer, type TestServer } from './test-server.ts';

/** An authority that holds its verdict until told, and says when it was asked. */
function createHeldVerdict() {
  const asked = Promise.withResolvers<Push>();
  const verdict = Promise.withResolvers<{ accepted: true }>();
  const beforeRefs = (push: Push) => {
    asked.resolve(push);
    return verdict.promise;
  };
  return {
    asked: asked.promise,
    accept: () => verdict.resolve({ accepted: true }),
    authority: { beforeRefs },
  };
}

function startPush(server: TestServer, ...args: string[]) {
  const client = spawn('git', ['push', ...args, server.url, 'main'], {
    cwd: server.author,
    env: clientEnvironment,
    detached: true,
  });
  let stderr = '';
  client.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<{ exitCode: number | null; stderr: string }>((resolve) =>
    client.on('close', (exitCode) => resolve({ exitCode, stderr })),
  );
  return { ended, kill: () => process.kill(-(client.pid as number), 'SIGKILL') };
}

test('PUSH-10 a client killed before the verdict: git is stopped, nothing moved, nothing is left', async (t) => {
  const held = createHeldVerdict();
  const server = await startTestServer(t, held);
  await server.commit({ a: '1' });
  const push = startPush(server);
  await held.asked;
  push.kill();
  await push.ended;
  await server.endpoint.settled();
  held.accept(); // Too late: Git is gone.
  assert.deepEqual(await server.refs(), {});
  assert.deepEqual(server.leftovers(), []);
  assert.deepEqual(
    server.events.map(({ kind }) => kind),
    ['before'],
  );
});

test('PUSH-11 a client killed while it follows: the listening ends, the refs stay moved', async (t) => {
  const [following, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const server = await startTestServer(t, {
    authority: {
      async *afterRefs() {
        try {
          yield 'staging';
          following.resolve();
          for (;;) yield await left.promise.then(() => 'more');
        } finally {
          following.resolve();
        }
      },
    },
  });
  const commit = await server.commit({ a: '1' });
  const push = startPush(server);
  await following.promise;
  push.kill();
  await push.ended;
  await server.endpoint.settled(); // Although the authority's next line never comes.
  assert.deepEqual(await server.refs(), { 'refs/heads/main': commit });
  left.resolve();
});

test('PUSH-12 a hook that dies refuses the push', async (t) => {
  const held = createHeldVerdict();
  const server = await startTestServer(t, held);
  await server.commit({ a: '1' });
  const push = startPush(server);
  await held.asked;
  const hook = descendants(process.pid).find((pid) => commandLine(pid).includes('hooks/pre-receive'));
  assert.ok(hook !== undefined);
  process.kill(hook, 'SIGKILL');
  const { exitCode, stderr } = await push.ended;
  assert.notEqual(exitCode, 0);
  assert.match(stderr, /pre-receive hook declined/);
  assert.deepEqual(await server.refs(), {});
  held.accept();
  await server.endpoint.settled();
});

test('PUSH-13 the hook refuses when the CCM dies, and when there is none', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ a: '1' });
  const direct = await server.git(server.author, 'push', server.repositoryPath, 'main');
  assert.notEqual(direct.exitCode, 0);
  assert.match(direct.stderr, /takes pushes only over HTTP/);

  const { repositoryPath } = server;
  const environment = { TREECAST_PUSH: '1' };
  const git = startGitService({
    service: 'git-receive-pack',
    repositoryPath,
    environment,
    withHookSocket: true,
  });
  git.hookSocket?.once('data', () => git.hookSocket?.destroy()); // What the kernel does with a process's sockets.
  git.stdin.end(await pushBody(server, commit, 'report-status'));
  let answer = '';
  for await (const chunk of git.stdout) answer += String(chunk);
  assert.match(answer, /ng refs\/heads\/main pre-receive hook declined/);
  await git.ended;
  assert.match(git.complaint(), /content control manager went away/);
  assert.deepEqual(await server.refs(), {});
});

test('PUSH-14 an authority that fails refuses, with its reason when it is one for people', async (t) => {
  const errors = [
    new TreecastError('CONFLICT', 'The site is frozen.', { fix: 'Wait.' }),
    new Error('secret detail'),
  ];
  const server = await startTestServer(t, {
    authority: { beforeRefs: () => Promise.reject(errors.shift()) },
  });
  await server.commit({ a: '1' });
  const told = await server.git(server.author, 'push', server.url, 'main');
  assert.match(told.stderr, /remote: treecast: push refused: The site is frozen\. *\n.*treecast: Wait\./);
  const untold = await server.git(server.author, 'push', server.url, 'main');
  assert.match(untold.stderr, /could not be checked/);
  assert.doesNotMatch(untold.stderr, /secret/);
  assert.deepEqual(await server.refs(), {});
});

test('PUSH-14 an authority that fails after the refs moved does not fail the push', async (t) => {
  const server = await startTestServer(t, {
    authority: {
      // biome-ignore lint/correctness/useYield: it fails before its first line
      async *afterRefs() {
        throw new Error('database');
      },
    },
  });
  const commit = await server.commit({ a: '1' });
  const pushed = await server.git(server.author, 'push', server.url, 'main');
  assert.equal(pushed.exitCode, 0);
  assert.match(pushed.stderr, /the push is stored/);
  assert.deepEqual(await server.refs(), { 'refs/heads/main': commit });
});

test('PUSH-14 N61 a repository that is broken is told to its pusher without the server’s paths, and to the log with git’s words', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ a: '1' });
  await server.git(server.author, 'push', server.url, 'main');
  await server.commit({ a: '2' });
  for (const part of ['objects', 'refs', 'HEAD']) {
    const path = `${server.repositoryPath}/${part}`;
    await rename(path, `${path}.away`);
    const pushed = await server.git(server.author, 'push', server.url, 'main');
    await rename(`${path}.away`, path);
    assert.notEqual(pushed.exitCode, 0, part);
    assert.match(pushed.stderr, /remote: treecast: The repository cannot be read on the server/, part);
    assert.doesNotMatch(pushed.stderr, /repositories/, part);
    assert.match(server.warnings.pop() ?? '', /does not appear to be a git repository/, part);
  }
  assert.deepEqual(await server.refs(), { 'refs/heads/main': commit });
  assert.equal((await server.git(server.author, 'push', server.url, 'main')).exitCode, 0);
});

test('PUSH-15 a push over the size limit is refused with the reason', async (t) => {
  const server = await startTestServer(t, { maxInputBytes: 1_000_000 });
  await server.commit({ 'big.bin': randomBytes(3_000_000) });
  const pushed = await server.git(server.author, 'push', server.url, 'main');
  assert.notEqual(pushed.exitCode, 0);
  assert.match(pushed.stderr, /larger than this server accepts/);
  assert.deepEqual(await server.refs(), {});
  assert.deepEqual(server.leftovers(), []);
  assert.deepEqual(server.events, []);
});

test('PUSH-16 objects that fsck refuses are explained', async (t) => {
  const server = await startTestServer(t);
  const hostile = await createTestRepository();
  t.after(() => hostile.remove());
  for (const [name, tree] of Object.entries({
    '"\\.git"': { d: { '.git': { config: file('x') } } },
    'directory object is malformed': { a: { mode: '100664', content: '1' } },
  })) {
    hostile.git('update-ref', 'refs/heads/main', hostile.commit(hostile.writeTree(tree)));
    const pushed = await server.git(hostile.path, 'push', server.url, 'main');
    assert.notEqual(pushed.exitCode, 0);
    assert.match(pushed.stderr, new RegExp(`remote: treecast: .*${name}`));
  }
  assert.deepEqual(await server.refs(), {});
});

test('PUSH-17 clients without side-band-64k: no lines, and the response ends at once', async (t) => {
  const never = Promise.withResolvers<string>();
  const server = await startTestServer(t, {
    authority: {
      async *afterRefs() {
        yield 'a line';
        yield await never.promise;
      },
    },
  });
  const commit = await server.commit({ a: '1' });
  for (const [branch, capabilities] of [
    ['main', 'report-status'],
    ['quiet', ''],
  ] as const) {
    const response = await post(server, await pushBody(server, commit, capabilities, `refs/heads/${branch}`));
    assert.equal(response.status, 200);
    assert.equal(response.text, branch === 'main' ? '000eunpack ok\n0017ok refs/heads/main\n0000' : '');
    assert.equal((await server.refs())[`refs/heads/${branch}`], commit);
  }
  assert.deepEqual(
    server.events.filter(({ kind }) => kind === 'after').map(({ push }) => push.updates[0]?.ref),
    ['refs/heads/main', 'refs/heads/quiet'],
  );
});

test('PUSH-18 gzip bodies, the empty probe, and bodies that are no push', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ a: '1' });
  const body = await pushBody(server, commit, 'report-status side-band-64k');
  const zipped = new Uint8Array(
    await new Response(
      new Blob([new Uint8Array(body)]).stream().pipeThrough(new CompressionStream('gzip')),
    ).arrayBuffer(),
  );
  assert.equal((await post(server, Buffer.from(zipped), { 'content-encoding': 'gzip' })).status, 200);
  assert.deepEqual(await server.refs(), { 'refs/heads/main': commit });
  assert.deepEqual(await post(server, flushPacket), { status: 200, text: '' });
  for (const wrong of [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    packet('hello'),
    Buffer.from('fff'),
    Buffer.from('fffffffff'),
  ]) {
    assert.equal((await post(server, wrong)).status, 400, wrong.toString());
  }
  assert.equal((await post(server, Buffer.from('not gzip'), { 'content-encoding': 'gzip' })).status, 400);
  assert.equal((await post(server, body, { 'content-encoding': 'br' })).status, 400);
  assert.equal((await post(server, body, { 'content-type': 'text/plain' })).status, 400);
  assert.equal(server.events.length, 2);
});

test('PUSH-19 hidden refs are neither seen nor pushed', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ a: '1' });
  await server.git(server.author, 'push', server.url, 'main');
  const tree = (await server.git(server.author, 'rev-parse', 'HEAD^{tree}')).stdout.trim();
  await server.git(server.repositoryPath, 'update-ref', `refs/treecast/trees/${tree}`, tree);
  const refused = await server.git(server.author, 'push', server.url, `${commit}:refs/treecast/trees/x`);
  assert.match(refused.stderr, /deny updating a hidden ref/);
  const listed = await server.git(server.author, 'ls-remote', server.url);
  assert.deepEqual(listed.stdout.match(/\S+$/gm), ['HEAD', 'refs/heads/main']);
});

async function post(server: TestServer, body: Buffer, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.origin}/site.git/git-receive-pack`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: {
      authorization: `Basic ${Buffer.from('me:right').toString('base64')}`,
      'content-type': 'application/x-git-receive-pack-request',
      ...headers,
    },
  });
  return { status: response.status, text: await response.text().then((text) => (response.ok ? text : '')) };
}

function descendants(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function commandLine(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
}
