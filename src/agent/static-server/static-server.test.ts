import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { blobIdOf } from '../../assignment/object-id.ts';
import { readBody } from '../../net/http/read-body.ts';
import { type TestScope, temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { silentLog } from '../session/agent-log.ts';
import type { SiteStore } from '../store/site-store.ts';
import { type SampleTree, treeOf } from '../testing/sample-tree.ts';
import { openSiteInStore, type SiteInStore } from '../testing/site-in-store.ts';
import { createStaticServer } from './static-server.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly bytes: Buffer;
}

interface Serving extends SiteInStore {
  get(path: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Answer>;
}

async function serveStore(t: TestScope, store: () => SiteStore | null): Promise<Serving['get']> {
  const server = await createStaticServer({ listen: '127.0.0.1:0', store, log: silentLog });
  const { hostname, port } = new URL(server.url);
  const agent = new Agent({ keepAlive: true });
  t.after(async () => {
    agent.destroy();
    await server.close();
  });
  return (path, headers = {}, method = 'GET') =>
    new Promise((resolve, reject) => {
      const outgoing = request({ agent, hostname, port, path, headers, method });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        readBody(response, 10_000_000).then(
          (bytes) =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: bytes.toString(),
              bytes,
            }),
          reject,
        );
      });
      outgoing.end();
    });
}

async function serve(t: TestScope): Promise<Serving> {
  const inStore = await openSiteInStore(t);
  return { ...inStore, get: await serveStore(t, () => inStore.store) };
}

const page = '<!doctype html><p>Grüße 🌲';
const tree: SampleTree = {
  'index.html': page,
  'a b/"quoted"\n🌲.txt': 'odd name',
  'data.bin': Buffer.alloc(200_000, 7),
  'empty.css': '',
  'docs/index.html': 'the docs',
  'docs/alias.html': '-> ../index.html',
  'docs/secret': '-> ../.hidden',
  'plain/file': 'no index here',
  '.hidden': 'not served',
  '.git-like/config': 'not served',
  '.well-known/security.txt': 'Contact: us',
};

test('before the first switch, / is a page of no tree, and nothing else is there', async (t) => {
  const { get } = await serve(t);
  const answer = await get('/');
  assert.deepEqual([answer.status, answer.headers['treecast-tree']], [200, 'none']);
  assert.match(answer.text, /No tree yet/);
  assert.equal((await get('/', {}, 'HEAD')).text, '');
  const absent = await get('/index.html');
  assert.deepEqual([absent.status, absent.headers['treecast-tree']], [404, 'none']);
  const withoutSite = await serveStore(t, () => null);
  assert.equal((await withoutSite('/')).headers['treecast-tree'], 'none');
});

test('files are served with type, ETag of the blob id, mtime and the tree’s id', async (t) => {
  const { get, publish } = await serve(t);
  const id = await publish(tree);
  const answer = await get('/index.html');
  assert.equal(answer.status, 200);
  assert.equal(answer.text, page);
  assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(answer.headers.etag, `"${blobIdOf(Buffer.from(page))}"`);
  assert.equal(answer.headers['last-modified'], new Date(1_700_000_001_000).toUTCString());
  assert.equal(answer.headers['treecast-tree'], id);
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  assert.equal((await get('/')).text, page);
  assert.equal((await get('/data.bin')).headers['content-type'], 'application/octet-stream');
  assert.ok((await get('/data.bin')).bytes.equals(tree['data.bin'] as Buffer));
  const empty = await get('/empty.css');
  assert.deepEqual([empty.text, empty.headers['content-type']], ['', 'text/css; charset=utf-8']);
  assert.equal(
    (await get(`/${encodeURIComponent('a b')}/${encodeURIComponent('"quoted"\n🌲.txt')}`)).text,
    'odd name',
  );
  const head = await get('/index.html', {}, 'HEAD');
  assert.deepEqual([head.text, head.headers['content-length']], ['', String(Buffer.byteLength(page))]);
  assert.equal((await get('/.well-known/security.txt')).text, 'Contact: us');
});

test('directories redirect to their slash and show index.html; every answer names the tree', async (t) => {
  const { get, publish } = await serve(t);
  const id = await publish(tree);
  const moved = await get('/docs?x=1');
  assert.deepEqual([moved.status, moved.headers.location], [301, '/docs/?x=1']);
  assert.equal((await get('/docs/')).text, 'the docs');
  const answers = [
    moved,
    await get('/none'),
    await get('/plain/'),
    await get('/index.html/'),
    await get('/%zz'),
    await get('/', { 'if-none-match': '*' }),
    await get('/', {}, 'POST'),
    await get('/data.bin', { range: 'bytes=999999-' }),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [301, 404, 404, 404, 400, 304, 405, 416],
  );
  for (const { headers } of answers) assert.equal(headers['treecast-tree'], id);
  assert.equal(answers[6]?.headers.allow, 'GET, HEAD');
  assert.equal(answers[7]?.headers['content-range'], 'bytes */200000');
});

test('preconditions: If-None-Match before If-Modified-Since', async (t) => {
  const { get, publish } = await serve(t);
  await publish(tree);
  const { headers } = await get('/index.html');
  const etag = String(headers.etag);
  const modified = String(headers['last-modified']);
  const statusOf = async (conditions: Record<string, string>): Promise<number> =>
    (await get('/index.html', conditions)).status;
  assert.equal(await statusOf({ 'if-none-match': etag }), 304);
  assert.equal(await statusOf({ 'if-none-match': `"other", W/${etag}` }), 304);
  assert.equal(await statusOf({ 'if-none-match': '"other"', 'if-modified-since': modified }), 200);
  assert.equal(await statusOf({ 'if-modified-since': modified }), 304);
  assert.equal(await statusOf({ 'if-modified-since': 'nonsense' }), 200);
  const unmodified = await get('/index.html', { 'if-none-match': etag });
  assert.deepEqual([unmodified.text, unmodified.headers.etag], ['', etag]);
});

test('one range is served as such; several, and those of another version, get the whole', async (t) => {
  const { get, publish } = await serve(t);
  await publish({ ...tree, 'digits.txt': '0123456789' });
  const part = await get('/digits.txt', { range: 'bytes=2-4' });
  assert.deepEqual([part.status, part.text, part.headers['content-range']], [206, '234', 'bytes 2-4/10']);
  assert.equal((await get('/digits.txt', { range: 'bytes=-2' })).text, '89');
  assert.equal((await get('/digits.txt', { range: 'bytes=0-1,4-5' })).status, 200);
  assert.equal((await get('/empty.css', { range: 'bytes=0-' })).status, 416);
  const large = await get('/data.bin', { range: 'bytes=1000-150999' });
  assert.deepEqual([large.status, large.bytes.length], [206, 150_000]);
  const etag = String(part.headers.etag);
  const conditional = async (condition: string): Promise<number> =>
    (await get('/digits.txt', { range: 'bytes=2-4', 'if-range': condition })).status;
  assert.equal(await conditional(etag), 206);
  assert.equal(await conditional(`W/${etag}`), 200);
  assert.equal(await conditional('"other"'), 200);
  assert.equal(await conditional(String(part.headers['last-modified'])), 206);
});

test('N58: nothing outside of the tree, no dotfile and nothing but files is served', async (t) => {
  const { get, publish, store } = await serve(t);
  const outside = join(temporaryDirectory(t), 'outside.txt');
  writeFileSync(outside, 'outside');
  await publish(tree);
  const directory = store.resolveLive()?.directory ?? '';
  symlinkSync(outside, join(directory, 'leak.txt'));
  symlinkSync('../../../../../../../../etc', join(directory, 'etc'));
  symlinkSync('/dev/zero', join(directory, 'zero'));
  symlinkSync('loop', join(directory, 'loop'));
  mkdirSync(join(directory, 'socket.html'));
  const paths = [
    '/leak.txt',
    '/etc/passwd',
    '/zero',
    '/loop',
    '/.hidden',
    '/.git-like/config',
    '/docs/secret',
  ];
  paths.push('/../state.json', '/%2e%2e/%2e%2e/state.json', `/${'a'.repeat(300)}`, '/index.html/x');
  for (const path of paths) assert.equal((await get(path)).status, 404, path);
  const alias = await get('/docs/alias.html');
  assert.deepEqual([alias.text, alias.headers.etag], [page, `"${blobIdOf(Buffer.from(page))}"`]);
});

test('N1: during switches the tree’s id, the ETag and the bytes of every answer agree', async (t) => {
  const { get, publish, store } = await serve(t);
  const textOf = new Map<string, string>();
  const treeNumber = (n: number): SampleTree => ({
    'index.html': `page ${n}`,
    [`only-${n}.txt`]: 'x',
    kept: 'k',
  });
  for (let n = 0; n < 40; n++) textOf.set(treeOf(treeNumber(n)), `page ${n}`);
  await publish(treeNumber(0));
  let published = 0;
  let asked = 0;
  const seen = new Set<string>();
  let over = false;
  const publishing = (async () => {
    for (let n = 1; n < 40 && !over; n++) {
      const enough = asked + 20;
      await publish(treeNumber(n));
      published = n;
      while (asked < enough && published < 39 && !over) await new Promise((resolve) => setImmediate(resolve));
      if (n % 5 === 0) await store.settle();
    }
  })();
  async function ask(): Promise<void> {
    while (!over && (published < 39 || asked < 1_000)) {
      const { status, headers, text } = await get('/');
      asked += 1;
      const id = String(headers['treecast-tree']);
      assert.deepEqual([status, text], [200, textOf.get(id)]);
      assert.equal(headers.etag, `"${blobIdOf(Buffer.from(text))}"`);
      seen.add(id);
    }
  }
  await Promise.all([publishing, ask(), ask(), ask(), ask()]).finally(() => {
    over = true;
  });
  assert.ok(asked >= 1_000 && seen.size >= 30, `${asked} answers of ${seen.size} trees`);
});
