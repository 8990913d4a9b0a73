import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { gitEnvironment } from '../git-environment.ts';
import { createRefAdvertiser } from './advertise-refs.ts';
import { startTestServer, type TestServer } from './test-server.ts';

for (const version of ['0', '2']) {
  test(`PUSH-30 clone, shallow clone and fetch, protocol version ${version}`, async (t) => {
    const server = await startTestServer(t);
    const first = await server.commit({ a: '1' });
    await server.git(server.author, 'push', server.url, 'main');
    const protocol = ['-c', `protocol.version=${version}`];
    const cloned = await server.git(server.author, ...protocol, 'clone', '--quiet', server.url, 'copy');
    assert.equal(cloned.exitCode, 0, cloned.stderr);
    const copy = `${server.author}/copy`;
    assert.equal((await server.git(copy, 'rev-parse', 'main')).stdout.trim(), first);
    const second = await server.commit({ a: '2' });
    await server.git(server.author, 'push', server.url, 'main');
    const pulled = await server.git(copy, ...protocol, 'pull', '--quiet');
    assert.equal(pulled.exitCode, 0, pulled.stderr);
    assert.equal((await server.git(copy, 'rev-parse', 'main')).stdout.trim(), second);
    const shallow = await server.git(
      server.author,
      ...protocol,
      'clone',
      '--quiet',
      '--depth=1',
      server.url,
      'shallow',
    );
    assert.equal(shallow.exitCode, 0, shallow.stderr);
    assert.deepEqual(server.warnings, []);
  });
}

test('PUSH-31 wrong, missing and insufficient tokens; unknown repositories', async (t) => {
  const server = await startTestServer(t);
  await server.commit({ a: '1' });
  const at = (credentials: string, repository = 'site') =>
    server.origin.replace('http://', `http://${credentials}`).concat(`/${repository}.git`);
  const wrong = await server.git(server.author, 'push', at('me:wrong@'), 'main');
  assert.match(
    wrong.stderr,
    /remote: treecast: This token is not known\. Use an author token\..*Authentication failed/s,
  );
  const none = await server.git(server.author, 'push', at(''), 'main');
  assert.match(none.stderr, /terminal prompts disabled/);
  const reader = await server.git(server.author, 'push', at('me:reader@'), 'main');
  assert.match(reader.stderr, /This token may not push here.*403/s);
  assert.equal((await server.git(server.author, 'ls-remote', at('me:reader@'))).exitCode, 0);
  const unknown = await server.git(server.author, 'push', at('me:right@', 'other'), 'main');
  assert.match(unknown.stderr, /There is no repository other.*not found/s);
  for (const result of [wrong, none, reader, unknown]) assert.notEqual(result.exitCode, 0);
  assert.deepEqual(server.events, []);
});

async function statusOf(server: TestServer, path: string, init: RequestInit = {}): Promise<number> {
  const authorization = `Basic ${Buffer.from('me:right').toString('base64')}`;
  const response = await fetch(`${server.origin}${path}`, {
    ...init,
    headers: { authorization, ...init.headers },
  });
  await response.arrayBuffer();
  return response.status;
}

test('PUSH-32 only the three smart requests are served', async (t) => {
  const server = await startTestServer(t);
  const expected: Record<string, number> = {
    '/site.git/info/refs?service=git-upload-pack': 200,
    '/site.git/info/refs?service=git-receive-pack': 200,
    '/site.git/info/refs': 403,
    '/site.git/info/refs?service=git-upload-archive': 403,
    '/site.git/HEAD': 404,
    '/site.git/objects/info/packs': 404,
    '/site.git/config': 404,
    '/site.git/git-receive-pack': 400,
    '/site/info/refs?service=git-upload-pack': 404,
    '/..%2fsite.git/info/refs?service=git-upload-pack': 404,
    '/SITE.git/info/refs?service=git-upload-pack': 404,
    '/-x.git/info/refs?service=git-upload-pack': 404,
    '/a/site.git/info/refs?service=git-upload-pack': 404,
  };
  for (const [path, status] of Object.entries(expected))
    assert.equal(await statusOf(server, path), status, path);
  assert.equal(
    await statusOf(server, '/site.git/info/refs?service=git-receive-pack', { method: 'POST' }),
    400,
  );
});

test('PUSH-33 who finds no slot free waits for one, and is answered 429 when none becomes free', async (t) => {
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const server = await startTestServer(t, {
    requestsMax: 1,
    waitMs: 300,
    authority: {
      async beforeRefs() {
        asked.resolve();
        await held.promise;
        return { accepted: true };
      },
    },
  });
  await server.commit({ a: '1' });
  const pushing = server.git(server.author, 'push', server.url, 'main');
  await asked.promise;
  const path = '/site.git/info/refs?service=git-upload-pack';
  assert.equal(await statusOf(server, path), 429);
  const stranger = { headers: { authorization: `Basic ${btoa('me:wrong')}` } };
  assert.equal((await fetch(`${server.origin}${path}`, stranger)).status, 401, 'strangers need no slot');
  const waiting = statusOf(server, path);
  held.resolve();
  assert.equal(await waiting, 200);
  assert.equal((await pushing).exitCode, 0);
  await server.endpoint.settled();
});

test("PUSH-34 the composed advertisement is Git's own, byte for byte", async (t) => {
  const server = await startTestServer(t);
  const advertiser = createRefAdvertiser();
  const { repositoryPath } = server;
  const compare = async (when: string) => {
    const service = 'git-receive-pack';
    const own = await advertiser.advertise(service, repositoryPath, undefined);
    const git = execFileSync('git', ['receive-pack', '--stateless-rpc', '--advertise-refs', repositoryPath], {
      env: gitEnvironment(),
    });
    assert.equal(own.toString(), `001f# service=${service}\n0000${git.toString()}`, when);
  };
  await compare('learning');
  await compare('empty');
  const commit = await server.commit({ a: '1' });
  const branches = ['main', 'a/b/c', 'a-b', 'a.b', 'ab', 'ü', 'Z'].map(
    (branch) => `main:refs/heads/${branch}`,
  );
  await server.git(server.author, 'tag', '-a', '-m', 'x', 'v1');
  await server.git(server.author, 'push', server.url, ...branches, 'v1', 'main:refs/notes/x');
  await compare('loose refs');
  await server.git(repositoryPath, 'update-ref', `refs/treecast/trees/${'1'.repeat(40)}`, commit);
  await server.git(repositoryPath, 'symbolic-ref', 'refs/heads/alias', 'refs/heads/main');
  await server.git(repositoryPath, 'symbolic-ref', 'refs/heads/dangling', 'refs/heads/none');
  await compare('hidden and symbolic refs');
  await server.git(repositoryPath, 'pack-refs', '--all', '--prune');
  await compare('packed refs');
  const next = await server.commit({ a: '2' });
  assert.notEqual(next, commit);
  await server.git(server.author, 'push', server.url, 'main', ':refs/heads/ab');
  await compare('packed and loose refs');
  await server.git(repositoryPath, 'config', 'receive.advertiseAtomic', 'false');
  await compare('changed configuration');
  await compare('changed configuration, learnt');
});
