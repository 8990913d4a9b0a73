import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createNativeGitSource } from '../native-git-source.ts';
import type { Quarantine } from '../push-authority.ts';
import { clientEnvironment, startTestServer } from './test-server.ts';

const zeroId = '0'.repeat(40);

test('PUSH-1 a push moves the ref, tells the authority before and after, and shows its lines', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ 'index.html': 'hello', 'a b/"q".html': 'x' });
  const pushed = await server.git(server.author, 'push', server.url, 'main');
  assert.equal(pushed.exitCode, 0, pushed.stderr);
  assert.match(pushed.stderr, /^remote: live 3\/3 *$/m);
  assert.deepEqual(await server.refs(), { 'refs/heads/main': commit });
  const update = { ref: 'refs/heads/main', before: zeroId, after: commit };
  assert.deepEqual(
    server.events.map(({ kind, push }) => ({ kind, updates: push.updates })),
    [
      { kind: 'before', updates: [update] },
      { kind: 'after', updates: [update] },
    ],
  );
  const [before, after] = server.events;
  assert.equal(before?.push.id, after?.push.id);
  assert.equal(before?.push.author, 'me');
  assert.equal(before?.push.repository, 'site');
  assert.deepEqual(server.leftovers(), []);
  assert.deepEqual(server.warnings, []);
});

test('PUSH-2 several push options arrive as sent', async (t) => {
  const server = await startTestServer(t);
  await server.commit({ a: '1' });
  await server.git(
    server.author,
    'push',
    '-o',
    'nowait',
    '-o',
    'allow-delete',
    '-o',
    'note=ü "x" $(y)',
    server.url,
    'main',
  );
  for (const { push } of server.events)
    assert.deepEqual(push.options, ['nowait', 'allow-delete', 'note=ü "x" $(y)']);
  assert.equal(server.events.length, 2);
});

test('PUSH-3 two refs in one push are told together, 10 commits at once are one update', async (t) => {
  const server = await startTestServer(t);
  const first = await server.commit({ a: '1' });
  let last = first;
  for (let count = 0; count < 10; count += 1) last = await server.commit({ a: `${count}` });
  const pushed = await server.git(
    server.author,
    'push',
    '--atomic',
    server.url,
    'main',
    `${first}:refs/heads/other`,
  );
  assert.equal(pushed.exitCode, 0, pushed.stderr);
  assert.deepEqual(await server.refs(), { 'refs/heads/main': last, 'refs/heads/other': first });
  assert.deepEqual(
    server.events.map(({ kind, push }) => [kind, push.updates.map((update) => update.ref).sort()]),
    [
      ['before', ['refs/heads/main', 'refs/heads/other']],
      ['after', ['refs/heads/main', 'refs/heads/other']],
    ],
  );
});

test('PUSH-4 force push, tag, and branch deletion are told with their ids', async (t) => {
  const server = await startTestServer(t);
  const first = await server.commit({ a: '1' });
  await server.git(server.author, 'push', server.url, 'main', 'main:refs/tags/v1');
  await server.git(server.author, 'commit', '--quiet', '--amend', '-m', 'rewritten');
  const rewritten = (await server.git(server.author, 'rev-parse', 'HEAD')).stdout.trim();
  assert.notEqual((await server.git(server.author, 'push', server.url, 'main')).exitCode, 0);
  const forced = await server.git(server.author, 'push', '--force', server.url, 'main');
  assert.equal(forced.exitCode, 0, forced.stderr);
  const deleted = await server.git(server.author, 'push', server.url, '--delete', 'main');
  assert.equal(deleted.exitCode, 0, deleted.stderr);
  assert.deepEqual(await server.refs(), { 'refs/tags/v1': first });
  assert.deepEqual(
    server.events
      .filter(({ kind }) => kind === 'after')
      .slice(1)
      .map(({ push }) => push.updates),
    [
      [{ ref: 'refs/heads/main', before: first, after: rewritten }],
      [{ ref: 'refs/heads/main', before: rewritten, after: zeroId }],
    ],
  );
});

test('PUSH-5 a refusal before the refs move: its lines are shown, nothing moved, nothing is kept', async (t) => {
  const server = await startTestServer(t, {
    authority: {
      beforeRefs: async () => ({ accepted: false, lines: ['no symlinks', '', 'evil \u001b[2J\nline'] }),
    },
  });
  await server.commit({ a: '1' });
  const pushed = await server.git(server.author, 'push', server.url, 'main', 'main:other');
  assert.notEqual(pushed.exitCode, 0);
  assert.match(pushed.stderr, /^remote: no symlinks *$/m);
  assert.match(pushed.stderr, /^remote: evil \\u001b\[2J\\u000aline *$/m);
  assert.match(pushed.stderr, /pre-receive hook declined/);
  assert.deepEqual(await server.refs(), {});
  assert.deepEqual(server.leftovers(), []);
  assert.deepEqual(
    server.events.map(({ kind }) => kind),
    ['before'],
  );
});

test('PUSH-6 the authority can read the quarantined objects, and nobody else', async (t) => {
  const seen: string[] = [];
  const sizes: number[] = [];
  const judge = async (commit: string, quarantine: Quarantine) => {
    const source = createNativeGitSource(server.repositoryPath);
    const inside = source.inQuarantine(quarantine);
    const tree = await inside.treeOf(commit);
    const ids: string[] = [];
    for await (const entry of inside.listTree(tree)) {
      seen.push(entry.path);
      ids.push(entry.id);
    }
    sizes.push(Math.max(...(await inside.blobSizes(ids))));
    assert.equal(await source.resolveCommit(commit), undefined);
    await inside.close();
    await source.close();
    return { accepted: true } as const;
  };
  const server = await startTestServer(t, {
    authority: { beforeRefs: (push, quarantine) => judge(push.updates[0]?.after ?? '', quarantine) },
  });
  await server.commit({ a: '1', 'd/b': '2' });
  const pushed = await server.git(server.author, 'push', server.url, 'main');
  assert.equal(pushed.exitCode, 0, pushed.stderr);
  await server.commit(
    Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`many/${index}`, `${index}`])),
  );
  assert.equal(
    (await server.git(server.author, 'push', server.url, 'main')).exitCode,
    0,
    'a push that stays a pack',
  );
  assert.equal(seen.length, 2 + 152);
  // Loose in quarantine, and too large or too many to be read by this process.
  await server.commit({
    large: randomBytes(300_000).toString('base64'),
    ...Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`loose/${index}`, `loose ${index}`])),
  });
  assert.equal((await server.git(server.author, 'push', server.url, 'main')).exitCode, 0);
  assert.deepEqual(sizes, [1, 3, 400_000]);
});

test('PUSH-7 lines reach the terminal while the push is open', async (t) => {
  const shown = Promise.withResolvers<void>();
  const order: string[] = [];
  const server = await startTestServer(t, {
    authority: {
      async *afterRefs() {
        yield 'first line';
        await shown.promise; // Never resolves if lines came only at the end.
        order.push('second yielded');
        yield 'second line';
      },
    },
  });
  await server.commit({ a: '1' });
  const client = spawn('git', ['push', '-q', server.url, 'main'], {
    cwd: server.author,
    env: clientEnvironment,
  });
  let stderr = '';
  client.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    if (!stderr.includes('first line') || order.length > 0) return;
    order.push('first shown');
    shown.resolve();
  });
  const exitCode = await new Promise((resolve) => client.on('close', resolve));
  assert.equal(exitCode, 0, stderr);
  assert.deepEqual(order, ['first shown', 'second yielded']);
  assert.match(
    stderr,
    /remote: first line *\n.*remote: second line/s,
    'a quiet push shows them too, as Git does with hooks',
  );
});

test('PUSH-8 concurrent pushes to two refs both succeed', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ a: '1' });
  const pushes = ['one', 'two', 'three'].map((branch) =>
    server.git(server.author, 'push', server.url, `main:${branch}`),
  );
  for (const pushed of await Promise.all(pushes)) assert.equal(pushed.exitCode, 0, pushed.stderr);
  assert.deepEqual(await server.refs(), {
    'refs/heads/one': commit,
    'refs/heads/three': commit,
    'refs/heads/two': commit,
  });
});

test('PUSH-9 a pack of 30 MB arrives whole; clone gives it back', async (t) => {
  const server = await startTestServer(t);
  await server.git(server.author, 'config', 'core.compression', '0'); // The client's own time is not the subject.
  const commit = await server.commit({ 'big.bin': randomBytes(30_000_000) });
  const pushed = await server.git(server.author, 'push', server.url, 'main');
  assert.equal(pushed.exitCode, 0, pushed.stderr);
  const cloned = await server.git(server.author, 'clone', '--quiet', '--bare', server.url, 'copy.git');
  assert.equal(cloned.exitCode, 0, cloned.stderr);
  assert.equal((await server.git(`${server.author}/copy.git`, 'rev-parse', 'main')).stdout.trim(), commit);
});
