import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { after, test } from 'node:test';
import { TreecastError } from '../model/treecast-error.ts';
import { createHttpTransport } from './http-transport.ts';

async function answering(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function unreachable(message: RegExp) {
  return (error: unknown): true => {
    assert.ok(error instanceof TreecastError);
    assert.equal(error.code, 'CCM_UNREACHABLE');
    assert.match(error.message, message);
    assert.ok(error.fix);
    return true;
  };
}

test('nobody listening, an unknown host, and a cut connection each say so', async () => {
  const closed = createTcpServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  const ask = (api: string) => createHttpTransport({ api }).json({ path: '/healthz' });
  await assert.rejects(ask(`http://127.0.0.1:${port}`), unreachable(/nothing listens there/));
  await assert.rejects(ask('http://name.invalid'), unreachable(/host/));
  await assert.rejects(ask(await answering((request) => request.destroy())), unreachable(/was cut/));
});

test('an answer that no CCM gave is told by its status, and its text is not trusted', async () => {
  const answers: readonly (readonly [number, string])[] = [
    [502, '<html>Bad gateway</html>'],
    [500, '{"error":"text"}'],
    [404, ''],
    [400, '{"error":{"code":"NOT_FOUND","message":"m"},"more":1}'],
  ];
  for (const [status, text] of answers) {
    const api = await answering((_, response) => response.writeHead(status).end(text));
    const request = createHttpTransport({ api }).json({ path: '/' });
    await assert.rejects(request, unreachable(new RegExp(`status ${status}`)), text);
  }
});

test("a CCM's error keeps its code, message, fix and data; an unknown code becomes BUG", async () => {
  const error = { code: 'CONFLICT', message: 'busy', fix: 'wait', data: { job: 'j' } };
  let body: unknown = { error };
  const api = await answering((_, response) => response.writeHead(409).end(JSON.stringify(body)));
  const ask = (): Promise<TreecastError> =>
    createHttpTransport({ api })
      .json({ path: '/' })
      .then(
        () => assert.fail(),
        (thrown: unknown) => thrown as TreecastError,
      );
  const { code, message, fix, data } = await ask();
  assert.deepEqual({ code, message, fix, data }, error);
  body = { error: { code: 'FROM_THE_FUTURE', message: 'm' } };
  assert.equal((await ask()).code, 'BUG');
});

test('an error that comes with status 200 is an error; a resource with an error in it is not', async () => {
  let body: unknown;
  const api = await answering((_, response) => response.end(`\n\n${JSON.stringify(body)}`));
  const http = createHttpTransport({ api });
  const error = { code: 'NODE_LOST', message: 'm' };
  body = { error };
  await assert.rejects(http.json({ path: '/' }), { code: 'NODE_LOST' });
  body = { id: 'j', error };
  assert.deepEqual(await http.json({ path: '/' }), body);
});

test('a CCM that does not answer in time, and the caller who gives up, are told apart', async () => {
  const api = await answering(() => undefined);
  const http = createHttpTransport({ api });
  await assert.rejects(http.json({ path: '/', timeoutMs: 30 }), unreachable(/took too long/));
  const reason = new Error('enough');
  await assert.rejects(http.json({ path: '/', signal: AbortSignal.abort(reason) }), reason);
});

test('the token goes to the CCM and along no redirect', async () => {
  const seen: (string | undefined)[] = [];
  const elsewhere = await answering((request, response) => {
    seen.push(request.headers.authorization);
    response.end('{}');
  });
  const api = await answering((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(307, { location: elsewhere }).end();
  });
  await assert.rejects(
    createHttpTransport({ api, token: 'tc_x' }).json({ path: '/' }),
    unreachable(/redirect/),
  );
  assert.deepEqual(seen, ['Bearer tc_x']);
});

test('queries are encoded and leave out what is undefined', async () => {
  const api = await answering((request, response) => response.end(JSON.stringify([request.url])));
  const http = createHttpTransport({ api: `${api}/` });
  assert.deepEqual(await http.json({ path: '/p', query: { a: 'x&y=', b: undefined, c: 1 } }), [
    '/p?a=x%26y%3D&c=1',
  ]);
});
