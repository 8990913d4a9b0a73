import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginError } from 'treecast/plugin';
import { askHttp, freePort, type RunningServer, startServer, testNeeding } from 'treecast/plugin/testing';
import { assertNoRequestFails } from '../testing/drain-under-load.ts';
import { holdOn } from '../testing/hold.ts';
import { type Origin, startOrigin } from '../testing/origin.ts';
import { type StartedPlugin, startPlugin } from '../testing/start-plugin.ts';
import { readNginxWorkers } from './nginx-workers.ts';
import { parseUpstream, renderUpstream } from './upstream-file.ts';

const needs = ['nginx'];

interface Scene {
  readonly port: number;
  readonly file: string;
  readonly main: string;
  readonly pidFile: string;
  readonly origins: readonly [Origin, Origin];
  readonly plugin: StartedPlugin;
  workers(): Promise<readonly number[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

async function scene(balancer: Record<string, unknown>, use: (scene: Scene) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-nginx-upstream-'));
  // Workers run as another user when the tests run as root.
  await chmod(directory, 0o755);
  await mkdir(join(directory, 'treecast'));
  const origins = [await startOrigin('web1'), await startOrigin('web2')] as const;
  const port = await freePort();
  const file = join(directory, 'treecast', 'upstream-edge.conf');
  const main = join(directory, 'nginx.conf');
  const pidFile = join(directory, 'nginx.pid');
  const lines = [
    `pid ${pidFile};`,
    'error_log stderr notice;',
    'worker_processes 2;',
    'events { worker_connections 64; }',
    'http {',
    '  access_log off;',
    ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `  ${kind}_temp_path ${directory}/${kind};`,
    ),
    '  upstream docs {',
    `    include ${file};`,
    '  }',
    '  server {',
    `    listen 127.0.0.1:${port};`,
    // A failed request is told, not tried elsewhere.
    '    location / { proxy_pass http://docs; proxy_buffering off; proxy_next_upstream off; }',
    '  }',
    '}',
    '',
  ];
  await writeFile(main, lines.join('\n'));
  const plugin = await startPlugin([
    {
      name: 'edge',
      kind: 'nginx',
      file,
      servers: { web1: `127.0.0.1:${origins[0].port}`, web2: [`127.0.0.1:${origins[1].port}`] },
      configuration: main,
      pidFile,
      ...balancer,
    },
  ]);
  let nginx: RunningServer | undefined;
  const stop = async (): Promise<void> => nginx?.end();
  const start = async (): Promise<void> => {
    nginx = await startServer('nginx', ['-c', main, '-g', 'daemon off;'], {
      serves: () =>
        askHttp(port, '/').then(
          ({ status }) => status === 200,
          () => false,
        ),
    });
  };
  try {
    await plugin.validate();
    await start();
    const workers = async () => (await readNginxWorkers(pidFile))?.serving ?? [];
    await use({ port, file, main, pidFile, origins, plugin, workers, stop, start });
  } finally {
    await stop();
    await plugin.close();
    for (const origin of origins) await origin.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function serversSeen(port: number): Promise<string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < 12; i++) seen.add((await askHttp(port, '/')).body);
  return [...seen].sort();
}

testNeeding(needs, 'R9.2 nginx: down and back, one reload each, none when nothing changes (N29)', () =>
  scene({}, async ({ port, plugin, workers, file }) => {
    await plugin.drain(['web1']);
    assert.deepEqual(await serversSeen(port), ['web2']);
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'out');
    assert.match(await readFile(file, 'utf8'), /server 127\.0\.0\.1:\d+ weight=100 down;/);
    const before = await workers();
    await plugin.drain(['web1']);
    assert.deepEqual(await workers(), before);
    await plugin.restore(['web1']);
    assert.deepEqual(await serversSeen(port), ['web1', 'web2']);
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'in');
    await plugin.weigh(['web1'], 0.5);
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.weight, 50);
    assert.match(await plugin.weigh(['web1'], 0), /no weight 0/);
  }),
);

testNeeding(needs, 'N27 nginx: old workers are waited for; at the bound hold puts back', () =>
  scene({ drain: { waitSeconds: 1 } }, async ({ port, plugin, origins: [web1] }) => {
    const long = await holdOn(port, 'web1');
    await assert.rejects(
      plugin.drain(['web1']),
      /sessions remain after 1 s: web1 \(127.*\) \(1\); held: back in service/,
    );
    assert.deepEqual(await serversSeen(port), ['web1', 'web2']);
    web1.release();
    assert.equal(await long.ended, 'whole');
  }),
);

testNeeding(needs, 'N27 nginx: at the bound force ends the old workers', () =>
  scene({ drain: { waitSeconds: 1, afterwards: 'force' } }, async ({ port, plugin }) => {
    const long = await holdOn(port, 'web1');
    assert.match(await plugin.drain(['web1']), /sessions ended/);
    assert.equal(await long.ended, 'cut');
    assert.deepEqual(await serversSeen(port), ['web2']);
  }),
);

testNeeding(needs, 'N67 a file that somebody else changed is left alone, with words', () =>
  scene({}, async ({ port, file, plugin }) => {
    const theirs = `${await readFile(file, 'utf8')}# mine\n`;
    await writeFile(file, theirs);
    for (const call of [
      () => plugin.drain(['web1']),
      () => plugin.restore(['web1']),
      () => plugin.weigh(['web1'], 0.5),
      () => plugin.inspect(['web1']),
    ])
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof PluginError && !error.retryable);
        assert.match(error.message, /upstream-edge\.conf was changed by somebody else/);
        assert.match(error.fix ?? '', /remove the file/);
        return true;
      });
    assert.equal(await readFile(file, 'utf8'), theirs);
    assert.deepEqual(await serversSeen(port), ['web1', 'web2']);
  }),
);

testNeeding(
  needs,
  'N9 a configuration that nginx refuses: the file is as before, nginx serves on, the error has nginx’s words',
  () =>
    scene({}, async ({ port, main, file, plugin }) => {
      const before = await readFile(file, 'utf8');
      const good = await readFile(main, 'utf8');
      await writeFile(main, good.replace('access_log off;', 'acess_log off;'));
      await assert.rejects(plugin.drain(['web1']), /nginx refuses its configuration: .*acess_log/);
      assert.equal(await readFile(file, 'utf8'), before);
      assert.deepEqual(await serversSeen(port), ['web1', 'web2']);
      await writeFile(main, good);
      await plugin.drain(['web1']);
      assert.deepEqual(await serversSeen(port), ['web2']);
    }),
);

testNeeding(
  needs,
  'a process that died between writing and reloading is found out: unknown, then loaded',
  () =>
    scene({}, async ({ port, file, plugin }) => {
      await plugin.restore(['web1', 'web2']);
      const now = parseUpstream(await readFile(file, 'utf8')) ?? [];
      await writeFile(
        file,
        renderUpstream(
          now.map((server, at) => ({ ...server, out: at === 0 })),
          '',
        ),
      );
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'unknown');
      assert.deepEqual(await serversSeen(port), ['web1', 'web2']);
      await plugin.drain(['web1']);
      assert.deepEqual(await serversSeen(port), ['web2']);
    }),
);

testNeeding(needs, 'N28 nginx restarted keeps who is out; stopped is a clear error', () =>
  scene({}, async ({ port, plugin, stop, start }) => {
    await plugin.drain(['web1']);
    await stop();
    await assert.rejects(plugin.restore(['web1']), /nginx does not run/);
    await start();
    assert.deepEqual(await serversSeen(port), ['web2']);
    await plugin.restore(['web1']);
    assert.deepEqual(await serversSeen(port), ['web1', 'web2']);
  }),
);

testNeeding(needs, 'two drains at once lose nothing, and nothing is left behind', () =>
  scene({}, async ({ plugin, file }) => {
    await Promise.all([plugin.drain(['web1']), plugin.drain(['web2'])]);
    const states = (await plugin.inspect(['web1', 'web2'])).nodes.map(({ state }) => state);
    assert.deepEqual(states, ['out', 'out']);
    await plugin.restore(['web1', 'web2']);
    assert.deepEqual(await readdir(join(file, '..')), ['upstream-edge.conf']);
  }),
);

testNeeding(needs, 'X8 nginx: no request fails while nodes are drained, away, and put back', () =>
  scene({}, async ({ port, plugin, origins }) => {
    await assertNoRequestFails({ port, plugin, origins, clients: 4, rounds: 4 });
  }),
);
