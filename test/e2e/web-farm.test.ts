// The whole product before real servers: two nginx nodes behind HAProxy with Varnish in front, publishes under load, and what breaks.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { releaseName } from '../../src/model/release.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor, type GitResult } from '../lab/author.ts';
import { createWebFarm, type WebFarm } from '../lab/farm/web-farm.ts';

const needs = ['nginx', 'haproxy', 'varnishd'];
const pages = 6;
const lines = 300;

let started: Promise<{ farm: WebFarm; author: Author; directory: string }> | undefined;
let version = 0;
/** Versions by the release that they were published as. */
const versions = new Map<string, number>();
const agent = new Agent({ keepAlive: true });

function running() {
  started ??= (async () => {
    const directory = await mkdtemp(join(tmpdir(), 'treecast-farm-'));
    const author = await createAuthor();
    const farm = await createWebFarm({
      directory,
      nodes: 2,
      cache: { fetchBound: 0.2 },
      nginx: { siteConfiguration: {}, errorPage: '404.html' },
      policy: { start: { count: 1, share: 0.5 } },
    });
    await author.write('index.html', 'up\n');
    await author.write('404.html', 'missing\n');
    await author.write('same.css', 'a { color: red }\n');
    await cachesClean(farm, await publish(farm, author));
    await until('HAProxy has found both nodes', async () =>
      [...(await haproxyStates(farm)).values()].every((state) => state.startsWith('UP')),
    );
    return { farm, author, directory };
  })();
  return started;
}
after(async () => {
  agent.destroy();
  const { farm, author, directory } = (await started) ?? {};
  await farm?.close();
  await author?.remove();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true, maxRetries: 20 });
});

interface Answer {
  readonly status: number;
  readonly release: string;
  readonly etag: string;
  readonly body: string;
}

function ask(port: number, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      agent,
      headers: { host: 'site.test', ...headers },
    });
    // A kept connection that its server closes at this moment is tried again on a new one, as browsers do.
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (outgoing.reusedSocket && error.code === 'ECONNRESET')
        ask(port, path, headers).then(resolve, reject);
      else reject(error);
    });
    outgoing.on('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          release: String(response.headers['treecast-release']),
          etag: String(response.headers.etag),
          body: Buffer.concat(pieces).toString(),
        }),
      );
    });
    outgoing.end();
  });
}

async function writeVersion(author: Author): Promise<void> {
  version += 1;
  for (let page = 0; page < pages; page++)
    await author.write(`page-${page}.html`, `version=${version} of page ${page}\n`.repeat(lines));
}

async function push(farm: WebFarm, author: Author): Promise<GitResult> {
  await author.commit();
  return author.push(farm.fleet.remote);
}

/** Pushes a new version, which must be live everywhere. */
async function publish(farm: WebFarm, author: Author): Promise<string> {
  await writeVersion(author);
  const { code, stderr } = await push(farm, author);
  assert.equal(code, 0, stderr);
  const { job } = await farm.fleet.client.sites.status(farm.fleet.site);
  assert.ok(job?.phase === 'succeeded' && job.release !== null, stderr);
  versions.set(releaseName(job.release), version);
  return job.id;
}

async function cachesClean(farm: WebFarm, job: string): Promise<void> {
  await until('the caches are clean', async () => {
    const purges = (await farm.fleet.client.plugins.tasks({ job })).filter(
      ({ hook }) => hook === 'invalidate',
    );
    return purges.length > 0 && purges.every(({ state }) => state === 'done');
  });
}

const versionOf = (body: string): number => Number(/^version=(\d+) /.exec(body)?.[1]);

/** Readers of both ways in while something is done; what they saw that nobody should see. */
async function whileRead(
  farm: WebFarm,
  isStale: (seen: number, startedAt: number) => boolean,
  work: () => Promise<void>,
): Promise<{ readonly wrong: readonly string[]; readonly requests: number }> {
  const wrong: string[] = [];
  const pairs = new Set<string>();
  let stopped = false;
  let requests = 0;
  let turn = 0;
  const read = async (port: number): Promise<void> => {
    while (!stopped) {
      const startedAt = performance.now();
      const path = `/page-${turn++ % pages}.html`;
      requests += 1;
      try {
        const { status, body, release } = await ask(port, path);
        const seen = versionOf(body);
        const isWhole = body === `version=${seen} of page ${path.slice(6, -5)}\n`.repeat(lines);
        if (status !== 200 || !isWhole)
          wrong.push(`${port}${path}: ${status}, ${body.length} bytes, version ${seen}`);
        else if (isStale(seen, startedAt)) wrong.push(`${port}${path}: version ${seen} is stale`);
        pairs.add(`${release} ${seen}`);
      } catch (error) {
        wrong.push(`${port}${path}: ${String(error)}`);
      }
    }
  };
  const readers = [farm.varnish, farm.varnish, farm.haproxy].map(read);
  try {
    await work();
  } finally {
    stopped = true;
    await Promise.all(readers);
  }
  for (const pair of pairs) {
    const [release = '', seen] = pair.split(' ');
    if (versions.get(release) !== Number(seen)) wrong.push(`${release} came with version ${seen}`);
  }
  return { wrong, requests };
}

async function haproxyStates(farm: WebFarm): Promise<Map<string, string>> {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(farm.haproxySocket, () => socket.end('show stat\n'));
    let all = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      all += piece;
    });
    socket.on('close', () => resolve(all)).on('error', reject);
  });
  const rows = text.split('\n').map((line) => line.split(','));
  return new Map(
    rows
      .filter(([backend, name]) => backend === 'nodes' && name?.startsWith('node'))
      .map((row) => [row[1] as string, row[17] as string]),
  );
}

testNeeding(
  needs,
  'X7 X9 N1 N29: fifty publishes under load: nothing fails, nothing is mixed, nothing is stale once caches are clean, no reload',
  async () => {
    const { farm, author } = await running();
    let clean = { version: 0, at: 0 };
    const before = await ask(farm.varnish, '/same.css');
    const reloads = await farm.reloads();
    const isStale = (seen: number, startedAt: number) => startedAt > clean.at && seen < clean.version;
    const { wrong, requests } = await whileRead(farm, isStale, async () => {
      for (let publishes = 0; publishes < 50; publishes++) {
        const job = await publish(farm, author);
        if (publishes % 5 !== 0) continue;
        await cachesClean(farm, job);
        clean = { version, at: performance.now() };
      }
    });
    assert.deepEqual(wrong.slice(0, 5), []);
    assert.ok(requests > 500, `only ${requests} requests`);
    assert.equal(await farm.reloads(), reloads);
    // An unchanged file is still the same to every cache and browser, whichever node answers.
    for (const port of [farm.varnish, farm.haproxy, ...farm.nginx]) {
      const { status } = await ask(port, '/same.css', { 'if-none-match': before.etag });
      assert.equal(status, 304, `port ${port}`);
    }
  },
);

testNeeding(
  needs,
  'N9 X10: configuration that nginx refuses is held, its author told why, and the old one still serves',
  async () => {
    const { farm, author } = await running();
    await author.write('treecast/nginx.conf', 'rewrite ^/old$ /page-0.html last;\n');
    await publish(farm, author);
    const good = version;
    assert.equal((await ask(farm.haproxy, '/old')).status, 200);
    await author.write('treecast/nginx.conf', 'rewrite ^/(old$ /page-0.html last;\n');
    await writeVersion(author);
    const { stderr } = await push(farm, author);
    assert.match(stderr, /not published: [12] of 2 nodes did not stage/);
    assert.match(
      stderr,
      /node[12]: nginx: nginx refuses the configuration: .*missing closing parenthesis.*treecast\/nginx\.conf:1 \[PLUGIN_FAILED\]/,
    );
    await author.write('treecast/nginx.conf', 'include /etc/passwd;\n');
    const forbidden = await push(farm, author);
    assert.match(forbidden.stderr, /include/);
    const served = await ask(farm.haproxy, '/old');
    assert.deepEqual([served.status, versionOf(served.body)], [200, good]);
    await author.write('treecast/nginx.conf', '# nothing\n');
    await publish(farm, author);
    assert.equal((await ask(farm.haproxy, '/old')).status, 404);
  },
);

testNeeding(
  needs,
  'N13 N56: a cache that is away is owed its purges, publishes go on, and it is clean when it is back',
  async () => {
    const { farm, author } = await running();
    const { client } = farm.fleet;
    await farm.servers.varnish.end();
    const job = await publish(farm, author);
    const owing = async () => (await client.plugins.list()).find(({ plugin }) => plugin === 'cache-purge');
    await until('the purge is owed, with its reason', async () => (await owing())?.error != null);
    const plugin = await owing();
    assert.ok(plugin !== undefined && plugin.owed > 0);
    assert.match(plugin.error?.message ?? '', /front owes \d+ of \d+ URLs/);
    await farm.restartVarnish();
    await client.plugins.retry(plugin.name);
    await cachesClean(farm, job);
    // What was cached as missing is found once it is published.
    assert.equal((await ask(farm.varnish, '/late.html')).status, 404);
    await author.write('late.html', 'here\n');
    await cachesClean(farm, await publish(farm, author));
    assert.equal((await ask(farm.varnish, '/late.html')).status, 200);
  },
);

testNeeding(
  needs,
  'X8 N27 N28: where policy drains, nodes are taken out one by one around the switch and put back, also over a reload of HAProxy',
  async () => {
    const { farm, author } = await running();
    const { client, site } = farm.fleet;
    const drain = {
      batch: { count: 1, share: 0 },
      minInService: { count: 1, share: 0 },
      onFailure: 'hold',
    } as const;
    await client.sites.update(site, { policy: { drain } });
    const neverStale = () => false;
    const takenOut = new Set<string>();
    let allOut = 0;
    let watching = true;
    const watch = async (): Promise<void> => {
      while (watching) {
        // Between two processes of HAProxy its socket is away for a moment.
        const states = [...(await haproxyStates(farm).catch(() => new Map<string, string>()))];
        const out = states.filter(([, state]) => /DRAIN|MAINT/.test(state)).map(([node]) => node);
        for (const node of out) takenOut.add(node);
        if (out.length === 2) allOut += 1;
      }
    };
    const { wrong, requests } = await whileRead(farm, neverStale, async () => {
      const watched = watch();
      for (let publishes = 0; publishes < 5; publishes++) {
        if (publishes === 2) farm.servers.haproxy.signal('SIGUSR2');
        await publish(farm, author);
      }
      watching = false;
      await watched;
    });
    assert.deepEqual([[...takenOut].sort(), allOut], [['node1', 'node2'], 0]);
    assert.deepEqual(wrong.slice(0, 5), []);
    assert.ok(requests > 20);
    await until('both nodes are in service', async () =>
      [...(await haproxyStates(farm)).values()].every((state) => state.startsWith('UP')),
    );
    await client.sites.update(site, { policy: { drain: null } });
  },
);

testNeeding(
  needs,
  'X13 R8.5: a node that missed a publish gets no traffic until its tree is right',
  async () => {
    const { farm, author } = await running();
    const pid = farm.fleet.agentPid(1);
    process.kill(pid, 'SIGKILL');
    await until('HAProxy sends nobody to node2', async () =>
      /DRAIN|MAINT/.test((await haproxyStates(farm)).get('node2') ?? ''),
    );
    await publish(farm, author);
    const current = version;
    assert.equal(versionOf((await ask(farm.haproxy, '/page-0.html')).body), current);
    const isStale = (seen: number) => seen < current;
    const { wrong } = await whileRead(farm, isStale, async () => {
      await farm.fleet.restartAgent(1, 'SIGKILL');
      await until('node2 is back in service', async () =>
        ((await haproxyStates(farm)).get('node2') ?? '').startsWith('UP'),
      );
      for (let turn = 0; turn < 20; turn++)
        assert.equal(versionOf((await ask(farm.haproxy, `/page-${turn % pages}.html`)).body), current);
    });
    // Readers through Varnish may still have the former version until its purge.
    assert.deepEqual(
      wrong.filter((line) => line.startsWith(String(farm.haproxy))),
      [],
    );
  },
);

testNeeding(needs, 'R9.2: an operator takes a node out, sets weights, and puts it back', async () => {
  const { farm } = await running();
  const { client, site } = farm.fleet;
  const out = await client.sites.rebalance(site, { action: 'drain', nodes: ['node1'] });
  assert.deepEqual(out.errors, []);
  assert.match((await haproxyStates(farm)).get('node1') ?? '', /DRAIN|MAINT/);
  await farm.fleet.restartCcm('SIGKILL');
  await until('both nodes are connected again', async () =>
    (await client.nodes.list()).every(({ connected }) => connected),
  );
  const shown = await client.sites.balance(site);
  assert.equal(shown.nodes.find(({ node }) => node === 'node1')?.heldOut, true);
  const back = await client.sites.rebalance(site, { action: 'restore', nodes: ['node1'] });
  assert.deepEqual(back.errors, []);
  assert.match((await haproxyStates(farm)).get('node1') ?? '', /^UP/);
  const weighed = await client.sites.rebalance(site, { action: 'weigh', nodes: ['node1'], share: 0.5 });
  assert.deepEqual(weighed.errors, []);
  const { nodes } = await client.sites.balance(site);
  assert.deepEqual(
    nodes.map(({ node, balancers }) => [node, balancers.map(({ weight }) => weight)]),
    [
      ['node1', [50]],
      ['node2', [100]],
    ],
  );
});
