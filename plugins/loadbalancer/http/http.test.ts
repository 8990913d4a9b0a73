import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { test } from 'node:test';
import { PluginError } from 'treecast/plugin';
import { listen, until } from 'treecast/plugin/testing';
import { startPlugin } from '../testing/start-plugin.ts';

interface Pool {
  readonly url: string;
  readonly servers: Map<string, { state: string; active: number; weight: number }>;
  readonly requests: string[];
  /** Called between a client's GET and its PUT. */
  interfere: () => void;
  /** Answered instead, once. */
  readonly next: number[];
  close(): Promise<void>;
}

/** A stand-in for a balancer with an HTTP interface: a PUT without a matching `If-Match` is refused, as RFC 9110 has it. */
async function startPool(): Promise<Pool> {
  const pool: Pool = {
    url: '',
    servers: new Map(['web1', 'web2'].map((name) => [name, { state: 'up', active: 0, weight: 100 }])),
    requests: [],
    interfere: () => undefined,
    next: [],
    close: () => Promise.resolve(),
  };
  const tag = (name: string): string =>
    `"${JSON.stringify(pool.servers.get(name)).length}-${JSON.stringify(pool.servers.get(name))?.replace(/\W/g, '')}"`;
  const server = createServer((request, response) => void handle(request, response));
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    pool.requests.push(`${request.method} ${request.url}`);
    const status = pool.next.shift();
    if (status !== undefined) return void response.writeHead(status).end('later');
    if (request.headers['authorization'] !== 'Bearer t0psecret') return void response.writeHead(401).end();
    const name = decodeURIComponent(request.url?.split('/')[2] ?? '');
    const entry = pool.servers.get(name);
    if (entry === undefined) return void response.writeHead(404).end(`no server ${name}`);
    if (request.method === 'GET') {
      response
        .writeHead(200, { etag: tag(name), 'content-type': 'application/json' })
        .end(JSON.stringify({ server: entry }));
      pool.interfere();
      return undefined;
    }
    let body = '';
    for await (const piece of request as AsyncIterable<Buffer>) body += piece.toString('utf8');
    if (request.headers['if-match'] === undefined)
      return void response.writeHead(428).end('If-Match is required');
    if (request.headers['if-match'] !== tag(name)) return void response.writeHead(412).end();
    Object.assign(entry, JSON.parse(body));
    return void response.writeHead(204).end();
  }
  const port = await listen(server);
  return Object.assign(pool, {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  });
}

process.env['TREECAST_TEST_BALANCER_TOKEN'] = 'Bearer t0psecret';

function balancerOf({ url }: Pool, more: Record<string, unknown> = {}): Record<string, unknown> {
  const at = `${url}/servers/{server}`;
  const put = (body: string) => ({ method: 'PUT', url: at, body, etagFrom: at });
  return {
    name: 'pool',
    kind: 'http',
    headers: { authorization: { env: 'TREECAST_TEST_BALANCER_TOKEN' } },
    requests: {
      drain: put('{"state":"drain"}'),
      restore: put('{"state":"up"}'),
      weigh: put('{"weight":{weight}}'),
    },
    sessions: { url: at, pointer: '/server/active' },
    state: { url: at, pointer: '/server/state', in: ['up'], draining: ['drain'], out: ['off'] },
    drain: { waitSeconds: 10 },
    ...more,
  };
}

async function withPool(use: (pool: Pool) => Promise<void>): Promise<void> {
  const pool = await startPool();
  try {
    await use(pool);
  } finally {
    await pool.close();
  }
}

test('R9.2 http: drain polls sessions, restore, weight', () =>
  withPool(async (pool) => {
    const plugin = await startPlugin([balancerOf(pool)]);
    const web1 = pool.servers.get('web1');
    assert.ok(web1 !== undefined);
    web1.active = 3;
    let done = false;
    const drained = plugin.drain(['web1']).then(() => {
      done = true;
    });
    await until('it drains', () => web1.state === 'drain');
    assert.deepEqual((await plugin.inspect(['web1'])).nodes, [
      { node: 'web1', state: 'draining', sessions: 3, weight: null },
    ]);
    assert.equal(done, false);
    web1.active = 0;
    await drained;
    await plugin.weigh(['web1'], 0.2);
    assert.equal(web1.weight, 20);
    await plugin.restore(['web1']);
    assert.equal(web1.state, 'up');
    await plugin.close();
  }));

test('N67 http: somebody else’s change in between is not overwritten: read again, then changed', () =>
  withPool(async (pool) => {
    const plugin = await startPlugin([balancerOf(pool)]);
    const web1 = pool.servers.get('web1');
    assert.ok(web1 !== undefined);
    let times = 0;
    // After the two questions of a look, and once more after the ETag was read.
    pool.interfere = () => {
      if (++times <= 3) web1.weight += 7;
    };
    await plugin.drain(['web1']);
    assert.deepEqual(web1, { state: 'drain', active: 0, weight: 121 });
    pool.interfere = () => {
      web1.weight++;
    };
    await assert.rejects(plugin.restore(['web1'], { signal: AbortSignal.timeout(1_000) }), (error) => {
      assert.ok(error instanceof PluginError);
      assert.match(error.message, /was changed by somebody else 4 times|not waited for/);
      return true;
    });
    await plugin.close();
  }));

test('http: 429 and 5xx are tried again; 401 and 404 are not; secrets stay secret', () =>
  withPool(async (pool) => {
    const plugin = await startPlugin([balancerOf(pool)]);
    pool.next.push(429, 503, 500);
    await plugin.drain(['web1']);
    assert.equal(pool.servers.get('web1')?.state, 'drain');
    await assert.rejects(plugin.drain(['web9']), (error) => {
      assert.ok(error instanceof PluginError && !error.retryable);
      assert.match(error.message, /servers\/web9 was answered 404: no server web9/);
      return true;
    });
    pool.next.push(401);
    await assert.rejects(plugin.restore(['web1']), (error) => {
      assert.ok(error instanceof PluginError && !error.retryable);
      assert.match(error.fix ?? '', /credentials/);
      assert.doesNotMatch(`${error.message} ${error.fix}`, /t0psecret/);
      return true;
    });
    await plugin.close();
  }));

test('http: without sessions the whole time is waited; without state `unknown` is told', () =>
  withPool(async (pool) => {
    const { sessions: _sessions, state: _state, ...plain } = balancerOf(pool);
    const plugin = await startPlugin([{ ...plain, drain: { waitSeconds: 0.5 } }]);
    const startedAt = performance.now();
    await plugin.drain(['web1']);
    assert.ok(performance.now() - startedAt >= 500);
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'unknown');
    await plugin.restore(['web1']);
    assert.equal(pool.servers.get('web1')?.state, 'up');
    await plugin.close();
  }));

test('http: what is filled in cannot leave its place, and unknown words are refused at start', () =>
  withPool(async (pool) => {
    const servers = { web1: 'web1/../x', web2: 'web2' };
    const plugin = await startPlugin([balancerOf(pool, { servers })]);
    await assert.rejects(plugin.drain(['web1']), /answered 404/);
    assert.ok(
      pool.requests.every((line) => line === 'GET /servers/web1%2F..%2Fx'),
      pool.requests.join(),
    );
    assert.match(await plugin.drain(['web7']), /\(0 servers\)/);
    await plugin.close();
    const wrong = balancerOf(pool, {
      requests: { drain: { url: 'http://x/{host}' }, restore: { url: 'ftp://x/', headers: { 'a b': 'x' } } },
      drain: { afterwards: 'force' },
      sessions: { url: 'http://x', pointer: 'active' },
    });
    await assert.rejects(startPlugin([wrong]), (error) => {
      for (const problem of [
        /\{host\} is not known/,
        /must begin with http/,
        /no name of a header/,
        /no JSON pointer/,
      ])
        assert.match(String(error), problem);
      return true;
    });
    for (const server of ['a b', 'a"b', '{x}', '-x', 'a\nb'])
      await assert.rejects(
        startPlugin([balancerOf(pool, { servers: { web1: server } })]),
        /is no name|Invalid/,
      );
  }));
