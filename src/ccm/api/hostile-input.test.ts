import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { temporaryApi } from './testing/temporary-api.ts';

test('a body with several faults is refused with all of them, and changes nothing', async () => {
  const api = await temporaryApi();
  const body = {
    name: '../etc',
    branch: 'a..b',
    group: 7,
    surprise: true,
    policy: { deleteShareMax: 2, fileMode: '999', unknown: 1 },
  };
  const answer = await api.call('POST', '/api/v1/sites', api.token('operator'), body);
  assert.equal(answer.status, 400);
  assert.equal(answer.body.error.code, 'INVALID_INPUT');
  const paths: string[] = answer.body.error.data.problems.map((problem: { path: string }) => problem.path);
  assert.deepEqual(
    new Set(paths),
    new Set(['', 'branch', 'group', 'name', 'policy', 'policy.deleteShareMax', 'policy.fileMode']),
  );
  assert.match(answer.body.error.message, /surprise/);
  assert.deepEqual(api.registry.sites.list(), []);
  assert.deepEqual(api.service.calls, []);
});

test('path, query and body are judged together', async () => {
  const api = await temporaryApi();
  const answer = await api.call('POST', '/api/v1/sites/NOT-A-NAME/publish?x=1', api.token('operator'), {
    ref: 1,
  });
  assert.equal(answer.status, 400);
  assert.deepEqual(
    answer.body.error.data.problems.map((problem: { in: string }) => problem.in),
    ['parameters', 'query', 'body'],
  );
});

const multicastTo = (group: string) => ({ transport: 'multicast', group, port: 17_446 });

const wrongRequests: readonly (readonly [string, string, string, unknown?])[] = [
  ['a list for a body', 'POST', '/api/v1/groups', []],
  ['a text for a body', 'POST', '/api/v1/groups', '"x"'],
  ['null for a body', 'POST', '/api/v1/groups', 'null'],
  ['no JSON', 'POST', '/api/v1/groups', '{"name":'],
  ['a deep nest', 'POST', '/api/v1/groups', `${'['.repeat(100_000)}`],
  ['a prototype', 'POST', '/api/v1/groups', '{"name":"x","__proto__":{"admin":true}}'],
  ['a body where none is taken', 'DELETE', '/api/v1/sites/docs', { force: true }],
  ['a percent that is none', 'GET', '/api/v1/sites/%zz'],
  ['a path out of the names', 'GET', '/api/v1/sites/..%2f..%2fetc'],
  ['a NUL in a name', 'GET', '/api/v1/nodes/a%00'],
  ['a number that is none', 'GET', '/api/v1/events?after=-1'],
  ['a limit above the most', 'GET', '/api/v1/events?limit=1001'],
  ['a limit twice', 'GET', '/api/v1/events?limit=1&limit=2'],
  ['a query as an object', 'GET', '/api/v1/jobs?site[$ne]=x'],
  ['a label without a name', 'POST', '/api/v1/groups', { name: 'x', selector: { '': 'x' } }],
  ['a role that is none', 'POST', '/api/v1/tokens', { name: 'x', roles: ['root'] }],
  ['a name of the CCM itself', 'POST', '/api/v1/tokens', { name: 'Recovery', roles: ['viewer'] }],
  ['a name with a line end', 'POST', '/api/v1/tokens', { name: 'x\n', roles: ['viewer'] }],
  [
    'a time in the past',
    'POST',
    '/api/v1/tokens',
    { name: 'x', roles: ['viewer'], expiresAt: '2020-01-01T00:00:00Z' },
  ],
  ['a group that is none', 'PATCH', '/api/v1/segments/x', { channel: multicastTo('10.0.0.1') }],
  ['a group by name', 'PATCH', '/api/v1/segments/x', { channel: multicastTo('all.example.org') }],
  [
    'a group with unicast',
    'PATCH',
    '/api/v1/segments/x',
    { channel: { ...multicastTo('239.1.1.1'), transport: 'unicast' } },
  ],
  ['a rate below the least', 'PATCH', '/api/v1/segments/x', { rate: { mbit: 0, hours: [] } }],
  ['a rate without its hours', 'PATCH', '/api/v1/segments/x', { rate: { mbit: 5 } }],
  [
    'an hour that no clock has',
    'PATCH',
    '/api/v1/segments/x',
    { rate: { mbit: null, hours: [{ from: '24:00', to: '06:00', mbit: 5 }] } },
  ],
  [
    'hours that never begin',
    'PATCH',
    '/api/v1/sites/x',
    { policy: { rate: { mbit: null, hours: [{ from: '06:00', to: '06:00', mbit: 5 }] } } },
  ],
  ['a role that no node has', 'PATCH', '/api/v1/nodes/x', { leadRole: 'king' }],
  ['a factor above the most', 'PATCH', '/api/v1/nodes/x', { leadFactor: 101 }],
  ['a segment that is no name', 'POST', '/api/v1/join-tokens', { segment: 'Rack 5' }],
  ['a life without end', 'POST', '/api/v1/join-tokens', { lifeSeconds: 1e9 }],
];

test('what is not as the schemas say is refused with INVALID_INPUT', async () => {
  const api = await temporaryApi();
  const admin = api.token('admin');
  const before = api.registry.events.newestId();
  for (const [what, method, path, body] of wrongRequests) {
    const answer = await api.call(method, path, admin, body);
    assert.equal(answer.status, 400, `${what}: ${JSON.stringify(answer.body)}`);
    assert.equal(answer.body.error.code, 'INVALID_INPUT', what);
    assert.ok(!JSON.stringify(answer.body).includes('node_modules'), `${what}: no stack`);
  }
  assert.equal(api.registry.events.newestId(), before, 'nothing happened');
  assert.equal(({} as Record<string, unknown>)['admin'], undefined);
  assert.deepEqual(api.bugs, []);
});

test('a body above 1 MiB is refused with 413, one of another type with 400, and nobody uninvited gets to send one', async () => {
  const api = await temporaryApi();
  const operator = api.token('operator');
  const large = JSON.stringify({ name: 'x'.repeat(1_100_000) });
  const answer = await api.call('POST', '/api/v1/groups', operator, large);
  assert.deepEqual([answer.status, answer.body.error.code], [413, 'REQUEST_TOO_LARGE']);
  assert.equal((await api.call('POST', '/api/v1/groups', 'tc_wrong', large)).status, 401);
  const form = await fetch(`${api.url}/api/v1/groups`, {
    method: 'POST',
    headers: { authorization: `Bearer ${operator}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'name=x',
  });
  assert.equal(form.status, 400);
});

test('what is not there is 404, another method 405 with what is allowed, both as JSON', async () => {
  const api = await temporaryApi();
  for (const path of [
    '/',
    '/api/v1/nothing',
    '/api/v1/sites/',
    '/API/v1/sites',
    '/api/v1/sites/docs/publish/x',
  ]) {
    const answer = await api.call('GET', path, api.token('admin'));
    assert.deepEqual([answer.status, answer.body.error.code], [404, 'NOT_FOUND'], path);
  }
  const answer = await api.call('PUT', '/api/v1/sites', api.token('admin'), {});
  assert.deepEqual([answer.status, answer.body.error.code], [405, 'METHOD_NOT_ALLOWED']);
  assert.equal(answer.headers.get('allow'), 'GET, POST');
});

test('a bug is told without any of its text, logged whole, with the id of the request', async () => {
  const api = await temporaryApi();
  api.registry.sites.create({ name: 'docs' }, 'test');
  const secret = new Error('the password is swordfish');
  api.service.verified = () => Promise.reject(secret);
  const answer = await api.call('POST', '/api/v1/sites/docs/verify', api.token('operator'));
  assert.equal(answer.status, 500);
  assert.equal(answer.body.error.code, 'BUG');
  assert.equal(answer.body.error.data.request, answer.headers.get('x-request-id'));
  assert.ok(!JSON.stringify(answer.body).includes('swordfish'));
  assert.deepEqual(api.bugs, [secret]);
});

test('wrong tokens are slowed down after so many, right ones always pass, also for Git', async () => {
  const api = await temporaryApi({ attemptsMax: 3 });
  const viewer = api.token('viewer');
  const expired = api.registry.tokens.create({ name: 'old', roles: ['admin'], expiresAt: 1 }, 'test').secret;
  const statuses: number[] = [];
  for (const token of ['tc_x', expired, '\u00e9', viewer.slice(0, -1), viewer]) {
    statuses.push((await api.call('GET', '/api/v1/sites', token)).status);
  }
  assert.deepEqual(statuses, [401, 401, 401, 429, 200]);
  const git = async (password: string): Promise<Response> =>
    fetch(`${api.url}/git/docs.git/info/refs`, {
      headers: { authorization: `Basic ${Buffer.from(`any:${password}`).toString('base64')}` },
    });
  assert.deepEqual([(await git(viewer)).status, (await git('tc_x')).status], [418, 429]);
  const late = await api.call('GET', '/api/v1/sites', 'tc_x');
  assert.equal(late.body.error.code, 'RATE_LIMITED');
  assert.equal(late.headers.get('retry-after'), '60');
  assert.equal((await api.call('GET', '/api/v1/sites')).headers.get('www-authenticate'), 'Bearer');
});

test('a revoked token stops working at once', async () => {
  const api = await temporaryApi();
  const [admin, viewer] = [api.token('admin'), api.token('viewer')];
  assert.equal((await api.call('GET', '/api/v1/sites', viewer)).status, 200);
  const tokens = (await api.call('GET', '/api/v1/tokens', admin)).body;
  const id = tokens.find((token: { name: string }) => token.name.startsWith('viewer')).id;
  const revoked = await api.call('DELETE', `/api/v1/tokens/${id}`, admin);
  assert.ok(revoked.body.revokedAt);
  assert.equal((await api.call('GET', '/api/v1/sites', viewer)).status, 401);
});

test('a connection that sends no whole headers, or then nothing, is closed', async () => {
  const api = await temporaryApi({ limits: { headersMs: 100, idleMs: 300, checkMs: 50 } });
  const port = Number(new URL(api.url).port);
  const half = connect(port, '127.0.0.1');
  half.write('GET /healthz HTTP/1.1\r\nhost: x\r\n');
  const [answer] = (await once(half, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 408/);
  half.destroy();
  const body = connect(port, '127.0.0.1');
  body.resume();
  const token = api.token('operator');
  body.write(
    `POST /api/v1/groups HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n` +
      'content-type: application/json\r\ncontent-length: 100\r\n\r\n{',
  );
  await once(body, 'close');
});

test('answers carry security headers and are not kept by caches', async () => {
  const api = await temporaryApi();
  const { headers } = await api.call('GET', '/healthz');
  assert.equal(headers.get('x-powered-by'), null);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'self'/);
});

test('readiness is not liveness', async () => {
  const api = await temporaryApi();
  assert.deepEqual((await api.call('GET', '/readyz')).body, { status: 'ok', version: '9.9.9' });
  api.ready = false;
  assert.equal((await api.call('GET', '/readyz')).status, 503);
  assert.equal((await api.call('GET', '/healthz')).status, 200);
});
