// N26: a receive-pack that is killed, at each moment of a push, leaves nothing that keeps later pushes out; one that runs is not touched.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../plugins/testing/until.ts';
import { gitEnvironment } from '../git-environment.ts';
import { pushMark, pushProcesses } from '../push-processes.ts';
import { recoverRepository } from '../recover-repository.ts';
import { pushBody, startRawPush } from './test-push.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Ids of `git receive-pack` for the repository, not of what it started. */
async function receivers({ repositoryPath }: TestServer): Promise<number[]> {
  const ids = await pushProcesses(repositoryPath);
  return ids.filter((id) => readFileSync(`/proc/${id}/cmdline`, 'latin1').includes('receive-pack'));
}

/** Everything in the repository that a push may leave behind, and no push in peace does. */
function traces({ repositoryPath }: TestServer): string[] {
  const names = readdirSync(repositoryPath, { recursive: true }) as string[];
  return names.filter((name) => /\.lock$|\.new$|\.keep$|tmp_|shallow_/.test(name)).sort();
}

async function assertWhole(server: TestServer): Promise<void> {
  await server.endpoint.settled();
  assert.deepEqual(traces(server), []);
  assert.deepEqual(await pushProcesses(server.repositoryPath), []);
  const checked = await server.git(server.repositoryPath, 'fsck', '--strict');
  assert.equal(checked.exitCode, 0, checked.stderr);
}

/** A hook that kills receive-pack while it holds the locks of the refs, once, and leaves beside them what later steps would. */
function killWhileRefsMove({ repositoryPath }: TestServer, also: string): void {
  const script = `#!/bin/sh
[ "$1" = prepared ] && [ ! -e killed ] || exit 0
: > killed
${also}
kill -9 $PPID
`;
  writeFileSync(join(repositoryPath, 'hooks/reference-transaction'), script, { mode: 0o755 });
}

test('N26 killed while it receives: the half pack goes before the next push', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ 'big.bin': randomBytes(2_000_000) });
  const body = await pushBody(server, commit, 'report-status side-band-64k');
  const { socket, answer } = await startRawPush(server, { 'content-length': String(body.length) });
  socket.write(body.subarray(0, 1_000_000));
  await until('the half pack is on disk', () => server.leftovers().length > 0);
  for (const id of await receivers(server)) process.kill(id, 'SIGKILL');
  assert.match(
    await Promise.race([answer, once(socket, 'data').then(String)]),
    /git was ended on the server/,
  );
  socket.destroy();
  assert.equal((await server.git(server.author, 'push', server.url, 'main')).exitCode, 0);
  await assertWhole(server);
});

test('N26 killed while the hook waits for the verdict: nothing moves, and what it had started ends with it', async (t) => {
  const asked = Promise.withResolvers<void>();
  const verdict = Promise.withResolvers<{ accepted: true }>();
  const server = await startTestServer(t, {
    authority: {
      beforeRefs() {
        asked.resolve();
        return verdict.promise;
      },
    },
  });
  const commit = await server.commit({ a: '1' });
  const pushing = server.git(server.author, 'push', server.url, 'main');
  await asked.promise;
  for (const id of await receivers(server)) process.kill(id, 'SIGKILL');
  const killed = await pushing;
  assert.notEqual(killed.exitCode, 0);
  assert.match(killed.stderr, /git was ended on the server before it was done; no branch moved\. Push again/);
  await server.endpoint.settled();
  assert.deepEqual(await server.refs(), {});
  verdict.resolve({ accepted: true });
  assert.equal((await server.git(server.author, 'push', server.url, 'main')).exitCode, 0);
  assert.deepEqual(await server.refs(), { 'refs/heads/main': commit });
  await assertWhole(server);
});

test('N26 killed while it moves refs: its locks go, and the next push moves them', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ a: '1' });
  killWhileRefsMove(
    server,
    ': > packed-refs.lock; : > packed-refs.new; : > HEAD.lock; : > shallow.lock; : > shallow_Ab12Cd',
  );
  const killed = await server.git(server.author, 'push', server.url, 'main');
  assert.notEqual(killed.exitCode, 0);
  assert.match(killed.stderr, /no branch moved\. Push again/);
  assert.ok(existsSync(join(server.repositoryPath, 'killed')));
  const again = await server.git(server.author, 'push', server.url, 'main');
  assert.equal(again.exitCode, 0, again.stderr);
  assert.deepEqual(await server.refs(), { 'refs/heads/main': commit });
  await assertWhole(server);
  assert.match(server.warnings.join(), /what a killed push had left was removed.*main\.lock/);
});

test('N26 what a killed push left in `packed-refs.new` does not keep packed branches from being deleted', async (t) => {
  const server = await startTestServer(t);
  await server.commit({ a: '1' });
  await server.git(server.author, 'push', server.url, 'main', 'main:refs/heads/old');
  await server.git(server.repositoryPath, 'pack-refs', '--all');
  writeFileSync(join(server.repositoryPath, 'packed-refs.new'), '');
  const refused = await server.git(server.author, 'push', server.url, ':refs/heads/old');
  assert.notEqual(refused.exitCode, 0, 'git alone does not get over it');
  assert.deepEqual(await recoverRepository(server.repositoryPath), ['packed-refs.new']);
  const deleted = await server.git(server.author, 'push', server.url, ':refs/heads/old');
  assert.equal(deleted.exitCode, 0, deleted.stderr);
});

test('N26 the mark of a killed push that kept its pack goes; an operator’s own stays', async (t) => {
  const server = await startTestServer(t);
  const files = Array.from({ length: 120 }, (_, n) => [`file-${n}`, `content ${n}`]);
  await server.commit(Object.fromEntries(files));
  killWhileRefsMove(server, '');
  await server.git(server.author, 'push', server.url, 'main');
  const packs = join(server.repositoryPath, 'objects/pack');
  writeFileSync(join(packs, 'pack-own.keep'), 'by hand\n');
  const again = await server.git(server.author, 'push', server.url, 'main');
  assert.equal(again.exitCode, 0, again.stderr);
  await server.endpoint.settled();
  assert.deepEqual(
    readdirSync(packs).filter((name) => name.endsWith('.keep')),
    ['pack-own.keep'],
  );
});

test('N26 a push that runs is not touched while another is killed', async (t) => {
  const asked: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
  const verdict = Promise.withResolvers<{ accepted: true }>();
  let pushes = 0;
  const server = await startTestServer(t, {
    authority: {
      beforeRefs() {
        asked[pushes++]?.resolve();
        return verdict.promise;
      },
    },
  });
  const commit = await server.commit({ a: '1' });
  const [first, second] = ['first', 'second'].map((name) =>
    server.git(server.author, 'push', server.url, `main:refs/heads/${name}`),
  );
  await Promise.all(asked.map(({ promise }) => promise));
  const [killed] = await receivers(server);
  process.kill(killed as number, 'SIGKILL');
  await Promise.race([first, second]);
  assert.equal((await receivers(server)).length, 1);
  assert.ok(server.leftovers().length > 0, 'the other one has its quarantine still');
  verdict.resolve({ accepted: true });
  const codes = [(await first)?.exitCode, (await second)?.exitCode];
  assert.equal(codes.filter((code) => code === 0).length, 1);
  assert.deepEqual(Object.values(await server.refs()), [commit]);
  await assertWhole(server);
});

/** A receive-pack as a dead CCM leaves it: nobody holds the other end of its verdict any more, or somebody does (then it would wait for ever). */
async function orphanOf(t: TestContext, server: TestServer, commit: string): Promise<void> {
  const child = spawn('git', ['receive-pack', '--stateless-rpc', server.repositoryPath], {
    env: gitEnvironment(pushMark),
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
    detached: true,
  });
  t.after(() => child.kill('SIGKILL'));
  child.stdin?.on('error', () => undefined);
  child.stdin?.write(await pushBody(server, commit, 'report-status'));
  const hook = child.stdio[3] as NodeJS.ReadableStream;
  await once(hook, 'data');
}

test('N26 at start a push that outlived its CCM is waited for, and ended when it does not end', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ a: '1' });
  await orphanOf(t, server, commit);
  mkdirSync(join(server.repositoryPath, 'refs/heads'), { recursive: true });
  writeFileSync(join(server.repositoryPath, 'refs/heads/main.lock'), '');
  const removed = await recoverRepository(server.repositoryPath);
  assert.deepEqual(await pushProcesses(server.repositoryPath), []);
  assert.ok(removed.includes('refs/heads/main.lock'));
  assert.equal((await server.git(server.author, 'push', server.url, 'main')).exitCode, 0);
  await assertWhole(server);
});
