// What the CCM's plugins owe to services of others, end to end: services that fail fail no publish, and are told once they are back.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JobResource, SiteStatus } from '../../src/model/api.ts';
import { secretFile } from '../../src/plugins/testing/secret-file.ts';
import {
  jsonBody,
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandIn,
} from '../../src/plugins/testing/stand-in-server.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../lab/author.ts';
import { loopbackPlaces } from '../lab/places.ts';
import { createFleet, type Fleet } from '../lab/program-fleet.ts';
import { endProgram } from '../lab/run-program.ts';
import { repositoryRoot } from '../run/repository-root.ts';

const signingSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const indexnowKey = 'a1b2c3d4e5f6';
const siteHost = 'docs.example.org';

let root: string;
let fleet: Fleet;
let author: Author;
let operatorToken: string;
let webhook: StandInServer;
let indexnow: StandInServer;
/** What the two have accepted. */
const told: string[] = [];
const heard: string[] = [];

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'treecast-owed-'));
  webhook = await startStandIn(receiveWebhook);
  indexnow = await startStandIn(receiveUrls);
  const plugins = [
    {
      use: 'notify',
      config: {
        targets: [
          {
            webhook: { url: `${webhook.url}/hook`, secret: secretFile(root, signingSecret) },
            on: ['live', 'failed'],
          },
        ],
      },
    },
    {
      use: 'search-index',
      config: {
        urlMap: { origins: [`https://${siteHost}`] },
        targets: [{ indexnow: { endpoint: `${indexnow.url}/indexnow`, key: secretFile(root, indexnowKey) } }],
      },
    },
  ];
  const [here] = loopbackPlaces(1);
  assert.ok(here !== undefined);
  [fleet, author] = await Promise.all([
    createFleet(join(root, 'fleet'), here, loopbackPlaces(2), { ccm: { plugins } }),
    createAuthor(),
  ]);
  operatorToken = (await fleet.client.tokens.create({ name: 'operator', roles: ['operator'] })).token;
});
after(async () => {
  await fleet.close();
  await author.remove();
  await Promise.all([webhook.close(), indexnow.close()]);
  await rm(root, { recursive: true, force: true, maxRetries: 20 });
});

/** As Standard Webhooks has it: signed, or refused. What the plugin signs, its own tests look at. */
function receiveWebhook(request: StandInRequest): StandInAnswer {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = request.headers;
  const key = Buffer.from(signingSecret.replace('whsec_', ''), 'base64');
  const digest = createHmac('sha256', key)
    .update(`${String(id)}.${String(at)}.${request.body}`)
    .digest('base64');
  if (signature !== `v1,${digest}`) return { status: 401, body: 'No matching signature found' };
  const { type, data } = jsonBody(request) as { type: string; data: { job: string } };
  told.push(`${type} ${data.job}`);
  return { status: 204 };
}

/** As IndexNow has it: 403 for another key, 422 for URLs of another host. */
function receiveUrls(request: StandInRequest): StandInAnswer {
  const { host, key, urlList } = jsonBody(request) ?? {};
  if (!Array.isArray(urlList) || urlList.length === 0) return { status: 400 };
  const urls = urlList.map(String);
  if (key !== indexnowKey) return { status: 403 };
  if (host !== siteHost || urls.some((url) => URL.parse(url)?.host !== siteHost)) return { status: 422 };
  heard.push(...urls);
  return { status: 202 };
}

/** Both services answer each request with 500, until `mend`. */
function failBoth(): void {
  for (const { first } of [webhook, indexnow])
    first.push(...Array(1000).fill({ status: 500, body: 'broken' }));
}
function mendBoth(): void {
  for (const { first } of [webhook, indexnow]) first.length = 0;
}

/** As an operator, on the command line. */
async function treecast<Answer>(...parameters: string[]): Promise<{ code: number | null; answer: Answer }> {
  const env = { ...process.env, TREECAST_API: new URL(fleet.remote).origin, TREECAST_TOKEN: operatorToken };
  const program = join(repositoryRoot, 'bin/treecast');
  const { code, stdout } = await endProgram(program, [...parameters, '--json'], { env });
  return { code, answer: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Answer };
}

/** The push says live everywhere, and so it is. */
async function pushLive(): Promise<void> {
  const pushed = await author.push(fleet.remote);
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stderr, /live 2\/2/);
  const { job, nodes } = await fleet.client.sites.status(fleet.site);
  assert.equal(job?.phase, 'succeeded');
  const tree = await author.tree();
  for (const { node, phase, liveTree } of nodes) assert.deepEqual([phase, liveTree], ['live', tree], node);
}

test('N80: services that answer 500 fail no publish; what they are owed is shown with its reason and done once they are back', async () => {
  const { client, site } = fleet;
  failBoth();
  await author.write('index.html', '<title>one</title>\n');
  await author.commit('one');
  const first = await author.git('rev-parse', 'HEAD');
  await pushLive();
  await author.write('index.html', '<title>two</title>\n');
  await author.commit('two');
  await pushLive();
  const published = await treecast<JobResource>('publish', site, '--ref', first, '--wait');
  assert.deepEqual([published.code, published.answer.phase], [0, 'succeeded']);

  await until('both services were asked in vain', async () =>
    (await client.plugins.list()).every(({ error }) => error !== null),
  );
  for (const { name, owed, failed, error } of await client.plugins.list()) {
    assert.ok(owed > 0, name);
    assert.equal(failed, 0, name);
    assert.match(error?.message ?? '', /500/);
    assert.match(
      error?.message ?? '',
      new RegExp(new URL(name === 'notify' ? webhook.url : indexnow.url).host),
    );
  }
  const owing = await treecast<SiteStatus>('status', site);
  assert.equal(owing.code, 0);
  assert.ok((owing.answer.owed ?? 0) >= 2, `status says ${owing.answer.owed}`);
  assert.deepEqual([told, heard], [[], []]);

  mendBoth();
  for (const { name } of await client.plugins.list()) await client.plugins.retry(name);
  await until('nothing is owed', async () => (await client.plugins.list()).every(({ owed }) => owed === 0));
  const tasks = await client.plugins.tasks({ site });
  assert.deepEqual([...new Set(tasks.map(({ state }) => state))], ['done']);
  assert.deepEqual([...new Set(tasks.map(({ hook }) => hook))].sort(), ['notify', 'reindex']);
  assert.equal((await client.sites.status(site)).owed ?? 0, 0);
  assert.deepEqual([...new Set(heard)], [`https://${siteHost}/`]);
  const jobs = await client.jobs.list({ site });
  assert.equal(jobs.length, 3);
  assert.deepEqual([...told].sort(), jobs.map(({ id }) => `publish.live ${id}`).sort());
});
