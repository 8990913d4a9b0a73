import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateOf } from '../registry/testing/temporary-registry.ts';
import { endpoints } from './endpoints.ts';
import { jobOf } from './testing/service-double.ts';
import { temporaryApi } from './testing/temporary-api.ts';

const callers = ['nobody', 'viewer', 'author', 'otherAuthor', 'operator', 'admin'] as const;
const [no, forbidden, missing] = [401, 403, 404];

/** What each caller gets, in the order of `callers`; the author is one of `docs`, the other one of `shop`. */
const matrix: readonly (readonly [string, readonly number[], body?: unknown])[] = [
  ['GET /healthz', [200, 200, 200, 200, 200, 200]],
  ['GET /readyz', [200, 200, 200, 200, 200, 200]],
  ['GET /api/v1/sites', [no, 200, 200, 200, 200, 200]],
  ['POST /api/v1/sites', [no, forbidden, forbidden, forbidden, 201, 409], { name: 'new' }],
  ['GET /api/v1/sites/:site', [no, 200, 200, forbidden, 200, 200]],
  ['PATCH /api/v1/sites/:site', [no, forbidden, forbidden, forbidden, 200, 200]],
  ['POST /api/v1/sites/:site/publish', [no, forbidden, 202, forbidden, 202, 202]],
  ['POST /api/v1/sites/:site/rollback', [no, forbidden, forbidden, forbidden, 409, 409]],
  ['GET /api/v1/sites/:site/status', [no, 200, 200, forbidden, 200, 200]],
  ['POST /api/v1/sites/:site/verify', [no, forbidden, forbidden, forbidden, 200, 200]],
  ['GET /api/v1/groups', [no, 200, forbidden, forbidden, 200, 200]],
  ['POST /api/v1/groups', [no, forbidden, forbidden, forbidden, 201, 409], { name: 'new' }],
  ['GET /api/v1/groups/:group', [no, 200, forbidden, forbidden, 200, 200]],
  ['PATCH /api/v1/groups/:group', [no, forbidden, forbidden, forbidden, 200, 200]],
  ['POST /api/v1/groups/:group/order', [no, forbidden, forbidden, forbidden, 200, 200], { order: [] }],
  ['GET /api/v1/nodes', [no, 200, forbidden, forbidden, 200, 200]],
  ['GET /api/v1/nodes/:node', [no, 200, forbidden, forbidden, 200, 200]],
  ['PATCH /api/v1/nodes/:node', [no, forbidden, forbidden, forbidden, 200, 200]],
  ['GET /api/v1/segments', [no, 200, forbidden, forbidden, 200, 200]],
  ['GET /api/v1/segments/:segment', [no, 200, forbidden, forbidden, 200, 200]],
  ['PATCH /api/v1/segments/:segment', [no, forbidden, forbidden, forbidden, 200, 200]],
  ['POST /api/v1/segments/:segment/ask', [no, forbidden, forbidden, forbidden, 409, 409]],
  ['GET /api/v1/keys', [no, 200, forbidden, forbidden, 200, 200]],
  ['POST /api/v1/keys/rotate', [no, forbidden, forbidden, forbidden, forbidden, 200], { kind: 'content' }],
  ['GET /api/v1/tokens', [no, forbidden, forbidden, forbidden, forbidden, 200]],
  [
    'POST /api/v1/tokens',
    [no, forbidden, forbidden, forbidden, forbidden, 201],
    { name: 'new', roles: ['viewer'] },
  ],
  ['DELETE /api/v1/tokens/:id', [no, forbidden, forbidden, forbidden, forbidden, 404]],
  ['POST /api/v1/join-tokens', [no, forbidden, forbidden, forbidden, forbidden, 201]],
  ['GET /api/v1/jobs', [no, 200, 200, 200, 200, 200]],
  ['GET /api/v1/jobs/:id', [no, 200, 200, missing, 200, 200]],
  ['GET /api/v1/jobs/:id/tree', [no, 200, 200, missing, 200, 200]],
  ['POST /api/v1/jobs/:id/abort', [no, forbidden, forbidden, forbidden, 200, 200]],
  ['GET /api/v1/jobs/:id/follow', [no, 200, 200, missing, 200, 200]],
  ['GET /api/v1/plugins', [no, 200, forbidden, forbidden, 200, 200]],
  ['GET /api/v1/plugin-tasks', [no, 200, forbidden, forbidden, 200, 200]],
  ['POST /api/v1/plugins/:plugin/retry', [no, forbidden, forbidden, forbidden, 404, 404]],
  ['GET /api/v1/sites/:site/balance', [no, 200, forbidden, forbidden, 200, 200]],
  ['POST /api/v1/sites/:site/balance', [no, forbidden, forbidden, forbidden, 200, 200], { action: 'drain' }],
  ['GET /api/v1/events', [no, 200, forbidden, forbidden, 200, 200]],
  // Removals last: the first who may leaves nothing for the others.
  ['DELETE /api/v1/sites/:site', [no, forbidden, forbidden, forbidden, 204, 404]],
  ['DELETE /api/v1/groups/:group', [no, forbidden, forbidden, forbidden, 204, 404]],
  ['DELETE /api/v1/segments/:segment', [no, forbidden, forbidden, forbidden, 204, 404]],
  ['DELETE /api/v1/nodes/:node', [no, forbidden, forbidden, forbidden, forbidden, 204]],
];

test('every endpoint lets in exactly the roles that the table says', async () => {
  const api = await temporaryApi();
  api.registry.sites.create({ name: 'docs' }, 'test');
  api.registry.sites.create({ name: 'shop' }, 'test');
  api.registry.groups.create({ name: 'web' }, 'test');
  api.registry.segments.ensure('rack', 'test');
  api.registry.nodes.join({ name: 'a', ...certificateOf('a') });
  api.service.known.set('j-docs', jobOf({ id: 'j-docs', site: 'docs' }));
  const tokens = {
    nobody: undefined,
    viewer: api.token('viewer'),
    author: api.token('author', ['docs']),
    otherAuthor: api.token('author', ['shop']),
    operator: api.token('operator'),
    admin: api.token('admin'),
  };
  for (const [endpoint, expected, body] of matrix) {
    const [method = '', pattern = ''] = endpoint.split(' ');
    const id = pattern.includes('jobs') ? 'j-docs' : 't-nothing';
    const names = { site: 'docs', group: 'web', segment: 'rack', node: 'a', id };
    const path = pattern.replace(/:(\w+)/g, (_, parameter: keyof typeof names) => names[parameter]);
    const statuses: number[] = [];
    for (const caller of callers) {
      const answer = await api.call(
        method,
        path,
        tokens[caller],
        method === 'GET' ? undefined : (body ?? {}),
      );
      statuses.push(answer.status);
      if (answer.status >= 400) {
        assert.match(answer.body.error.code, /^[A-Z_]+$/, endpoint);
        assert.ok(answer.body.error.fix, `${endpoint}: an error says what to do`);
      }
    }
    assert.deepEqual(statuses, expected, `${endpoint} for ${callers.join(', ')}`);
  }
  assert.deepEqual(
    matrix.map(([endpoint]) => endpoint).sort(),
    endpoints.map(({ method, path }) => `${method} ${path}`).sort(),
    'the matrix names every endpoint',
  );
  assert.deepEqual(api.bugs, []);
});

test("an author sees the sites and jobs that are its own, and is told nothing of others'", async () => {
  const api = await temporaryApi();
  for (const site of ['docs', 'shop', 'wiki']) api.registry.sites.create({ name: site }, 'test');
  for (const [index, site] of ['docs', 'shop', 'wiki', 'docs'].entries()) {
    const createdAt = `2026-11-23T00:00:0${index}.000Z`;
    api.service.known.set(`j-${index}`, jobOf({ id: `j-${index}`, site, createdAt }));
  }
  const author = api.token('author', ['docs', 'shop']);
  const idsOf = (jobs: { id: string }[]) => jobs.map((job) => job.id);
  const sites = (await api.call('GET', '/api/v1/sites', author)).body;
  assert.deepEqual(
    sites.map((site: { name: string }) => site.name),
    ['docs', 'shop'],
  );
  assert.deepEqual(idsOf((await api.call('GET', '/api/v1/jobs', author)).body), ['j-3', 'j-1', 'j-0']);
  assert.deepEqual(idsOf((await api.call('GET', '/api/v1/jobs?limit=1', author)).body), ['j-3']);
  assert.deepEqual(idsOf((await api.call('GET', '/api/v1/jobs?site=shop', author)).body), ['j-1']);
  assert.equal((await api.call('GET', '/api/v1/jobs?site=wiki', author)).status, 403);
  const [other, none] = await Promise.all(
    ['wiki', 'none'].map((site) => api.call('GET', `/api/v1/sites/${site}`, author)),
  );
  assert.equal(other?.status, 403);
  assert.equal(none?.status, 403, 'the same for a site that is not there');
  const everywhere = api.token('author');
  assert.equal((await api.call('GET', '/api/v1/jobs', everywhere)).body.length, 4);
  assert.equal((await api.call('GET', '/api/v1/sites/wiki', everywhere)).status, 200);
});
