import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { PluginError } from '../api/plugin-error.ts';
import { quoted, requestWithRetry } from './request-with-retry.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

describe('requestWithRetry', () => {
  let handle: Handler = (_, response) => response.end();
  let calls = 0;
  let origin = '';
  const server = createServer((request, response) => {
    calls += 1;
    handle(request, response);
  });
  const signal = new AbortController().signal;
  const serve = (handler: Handler): void => {
    handle = handler;
    calls = 0;
  };
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const failsWith = (pattern: RegExp, retryable: boolean) => (error: unknown) => {
    assert.ok(error instanceof PluginError);
    assert.match(error.message, pattern);
    assert.equal(error.retryable, retryable);
    assert.ok(error.fix);
    return true;
  };

  test('sends method, headers (Host too) and body; gives status, headers and text; follows no redirect', async () => {
    const seen: unknown[] = [];
    serve((request, response) => {
      let body = '';
      request.on('data', (piece) => {
        body += piece;
      });
      request.on('end', () => {
        seen.push(request.method, request.url, request.headers.host, request.headers['x-a'], body);
        response.writeHead(302, { location: '/else', 'x-b': ['1', '2'] }).end('grüezi');
      });
    });
    const answer = await requestWithRetry(`${origin}/a?b=c`, {
      method: 'PURGE',
      headers: { host: 'example.org', 'x-a': 'yes' },
      body: 'päckli',
      signal,
    });
    assert.deepEqual(seen, ['PURGE', '/a?b=c', 'example.org', 'yes', 'päckli']);
    assert.equal(answer.status, 302);
    assert.equal(answer.headers['x-b'], '1, 2');
    assert.equal(answer.text, 'grüezi');
    assert.equal(answer.truncated, false);
    assert.equal(calls, 1);
  });

  test('tries 429 and 5xx again and heeds Retry-After', async () => {
    serve((_, response) => {
      if (calls === 1) response.writeHead(429, { 'retry-after': '0' }).end();
      else if (calls === 2) response.writeHead(503).end();
      else response.end('at last');
    });
    const answer = await requestWithRetry(origin, { signal, retryDelayMs: 1 });
    assert.equal(answer.text, 'at last');
    assert.equal(calls, 3);
  });

  test('does not wait for a Retry-After beyond its limit: that is an error which can be retried', async () => {
    serve((_, response) => response.writeHead(429, { 'retry-after': '3600' }).end('slow down'));
    await assert.rejects(
      requestWithRetry(`${origin}/x?token=abc`, { signal }),
      failsWith(/\/x\?… answered 429 \(to be tried again after 3600\): slow down$/, true),
    );
    assert.equal(calls, 1);
  });

  test('a refusal is an answer, and a status that the caller takes is not tried again', async () => {
    serve((_, response) => response.writeHead(calls === 1 ? 403 : 500).end());
    assert.equal((await requestWithRetry(origin, { signal })).status, 403);
    assert.equal((await requestWithRetry(origin, { signal, retryOn: () => false })).status, 500);
    assert.equal(calls, 2);
  });

  test('gives up after its attempts, showing neither password nor query', async () => {
    serve((_, response) => response.writeHead(500).end('oh\r\n\u0000no'));
    const url = `${origin.replace('//', '//user:hidden@')}/p?key=hidden`;
    await assert.rejects(requestWithRetry(url, { signal, attempts: 2, retryDelayMs: 1 }), (error: Error) => {
      assert.doesNotMatch(error.message, /hidden|user/);
      return failsWith(/\/p\?… answered 500: oh no$/, true)(error);
    });
    assert.equal(calls, 2);
    await assert.rejects(
      requestWithRetry(`${origin}/services/T1/hidden`, { signal, attempts: 1, secretPath: true }),
      failsWith(/^http:\/\/127\.0\.0\.1:\d+\/… answered 500/, true),
    );
  });

  test('nothing listens, the connection is cut, no answer in time, stopped by the caller: each says so', async () => {
    await assert.rejects(
      requestWithRetry('http://127.0.0.1:1/', { signal, attempts: 2, retryDelayMs: 1 }),
      failsWith(/nothing listens there$/, true),
    );
    serve((request) => request.socket.destroy());
    await assert.rejects(requestWithRetry(origin, { signal, attempts: 1 }), failsWith(/was cut$/, true));
    serve(() => undefined);
    await assert.rejects(
      requestWithRetry(origin, { signal, attempts: 1, timeoutMs: 50 }),
      failsWith(/longer than 0\.05 s$/, true),
    );
    const stop = new AbortController();
    serve(() => stop.abort());
    await assert.rejects(requestWithRetry(origin, { signal: stop.signal }), failsWith(/was stopped/, true));
    assert.equal(calls, 1);
    await assert.rejects(
      requestWithRetry(origin, { signal: AbortSignal.abort() }),
      failsWith(/was stopped/, true),
    );
  });

  test('a stop ends the wait between two attempts', async () => {
    const stop = new AbortController();
    serve((_, response) => {
      response.writeHead(503, { 'retry-after': '20' }).end();
      response.on('finish', () => setImmediate(() => stop.abort()));
    });
    const from = performance.now();
    await assert.rejects(requestWithRetry(origin, { signal: stop.signal }), PluginError);
    assert.ok(performance.now() - from < 5_000);
  });

  test('reads 1 MiB of an endless answer and no more', async () => {
    serve((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    const answer = await requestWithRetry(origin, { signal, attempts: 1 });
    assert.equal(answer.text.length, 1_048_576);
    assert.equal(answer.truncated, true);
  });

  test('heeds a Retry-After that is a date', async () => {
    const past = new Date(Date.now() - 60_000).toUTCString();
    serve((_, response) => response.writeHead(calls === 1 ? 503 : 200, { 'retry-after': past }).end());
    const from = performance.now();
    assert.equal((await requestWithRetry(origin, { signal, retryDelayMs: 20_000 })).status, 200);
    assert.ok(performance.now() - from < 10_000);
    const late = new Date(Date.now() + 3_600_000).toUTCString();
    serve((_, response) => response.writeHead(503, { 'retry-after': late }).end());
    await assert.rejects(
      requestWithRetry(origin, { signal }),
      failsWith(/to be tried again after .* GMT\)$/, true),
    );
    assert.equal(calls, 1);
  });

  test('a kept connection that the server closed is no failure of the request', async () => {
    const used = new WeakSet<object>();
    serve((request, response) => {
      if (used.has(request.socket)) request.socket.destroy();
      else response.end('fresh');
      used.add(request.socket);
    });
    for (let turn = 0; turn < 3; turn += 1)
      assert.equal((await requestWithRetry(origin, { signal, attempts: 1 })).text, 'fresh');
    assert.equal(calls, 5);
  });

  test('a TLS server is asked for the name in `host`', async () => {
    let asked = '';
    const tls = createSecureServer({
      SNICallback: (name, done) => {
        asked = name;
        done(new Error('no certificate'));
      },
    });
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(tls.address() as AddressInfo).port}/`;
    const headers = { host: 'docs.example.org:8443' };
    await assert.rejects(requestWithRetry(url, { signal, headers, attempts: 1 }), PluginError);
    assert.equal(asked, 'docs.example.org');
    tls.close();
  });

  test('what is no web address is refused for good', async () => {
    for (const url of ['ftp://a/', 'x', 'file:///etc/passwd'])
      await assert.rejects(requestWithRetry(url, { signal }), failsWith(/no http or https URL/, false));
  });
});

test('quoted shows one short line', () => {
  assert.equal(quoted(''), '');
  assert.equal(quoted(' \n'), '');
  assert.equal(quoted('a\n\tb'), ': a b');
  assert.equal(quoted('x'.repeat(5000)).length, 302);
});
