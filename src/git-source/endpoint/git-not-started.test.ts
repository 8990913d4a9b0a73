// N26: a system that has no descriptors for another Git process fails the request, and neither the program nor the requests after it.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import { until } from '../../plugins/testing/until.ts';
import { withoutDescriptors } from '../../plugins/testing/without-descriptors.ts';
import { createCatFileProcess } from '../cat-file-process.ts';
import { gitEnvironment } from '../git-environment.ts';
import { pushProcesses } from '../push-processes.ts';
import { runGit } from '../run-git.ts';
import { pushBody, startRawPush } from './test-push.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const isNotStarted = (error: unknown): boolean =>
  error instanceof TreecastError && error.code === 'GIT_FAILED' && /could not be started/.test(error.message);

test('N26 single commands and the persistent process', async (t) => {
  const { repositoryPath } = await startTestServer(t);
  const objects = createCatFileProcess(repositoryPath, gitEnvironment());
  t.after(() => objects.close());
  await withoutDescriptors(async () => {
    await assert.rejects(runGit(['version']), isNotStarted);
    await assert.rejects(objects.info('HEAD'), isNotStarted);
  });
  assert.match(String(await runGit(['version'])), /^git version/);
  assert.equal(await objects.info('HEAD'), undefined);
});

test('N26 a push that Git is not started for is answered, and keeps no later one from being cleared up', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ a: '1' });
  const ask = createAsker(t, server);
  assert.equal((await ask('GET', 'info/refs?service=git-upload-pack')).status, 200);
  await withoutDescriptors(async () => {
    for (const service of ['git-receive-pack', 'git-upload-pack']) {
      const { status, body } = await ask('POST', service);
      assert.equal(status, 500, service);
      assert.match(body, /^treecast: git could not be started.*Try again/s);
    }
  });

  const body = await pushBody(server, commit, 'report-status side-band-64k');
  const { socket, answer } = await startRawPush(server, { 'content-length': String(body.length + 1) });
  socket.write(body);
  await until('Git receives', async () => (await pushProcesses(server.repositoryPath)).length > 0);
  for (const id of await pushProcesses(server.repositoryPath)) process.kill(id, 'SIGKILL');
  socket.end();
  await answer;
  assert.equal((await server.git(server.author, 'push', server.url, 'main')).exitCode, 0);
  await server.endpoint.settled();
  assert.match(server.warnings.join(), /what a killed push had left was removed/);
  assert.deepEqual(
    readdirSync(server.repositoryPath).filter((name) => name.endsWith('.lock')),
    [],
  );
});

/** On one connection that stays. */
function createAsker(t: TestContext, { origin }: TestServer) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const authorization = `Basic ${Buffer.from('me:right').toString('base64')}`;
  return async (method: string, path: string): Promise<{ status: number | undefined; body: string }> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = {
      authorization,
      ...(method === 'POST' && { 'content-type': `application/x-${path}-request` }),
    };
    request(`${origin}/site.git/${path}`, { agent, method, headers }, resolve).on('error', reject).end();
    const answer = await promise;
    return { status: answer.statusCode, body: await text(answer) };
  };
}
