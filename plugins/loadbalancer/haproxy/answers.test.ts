import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PluginError } from 'treecast/plugin';
import { testNeeding } from 'treecast/plugin/testing';
import { startHaproxy } from '../testing/haproxy.ts';
import { haproxyScene as scene } from '../testing/haproxy-scene.ts';
import { startOrigin } from '../testing/origin.ts';
import { startPlugin } from '../testing/start-plugin.ts';

const needs = ['haproxy'];
const edge = { name: 'edge', kind: 'haproxy', backends: ['app'] };

testNeeding(needs, 'a node that is on no balancer is nothing to do, unless it is required', () =>
  scene({}, async ({ haproxy, plugin }) => {
    assert.match(await plugin.drain(['web9']), /\(0 servers\)/);
    assert.match(await plugin.restore(['web9']), /\(0 servers\)/);
    assert.deepEqual(
      (await plugin.inspect(['web9', 'web1'])).nodes.map(({ node }) => node),
      ['web1'],
    );
    const strict = await startPlugin([{ ...edge, sockets: [haproxy.socket], required: true }]);
    await assert.rejects(strict.drain(['web1', 'web9']), (error) => {
      assert.ok(error instanceof PluginError && !error.retryable);
      assert.match(error.message, /balancer edge: has no server for web9/);
      assert.match(error.fix ?? '', /required: false/);
      return true;
    });
    assert.equal((await strict.inspect(['web1'])).nodes[0]?.state, 'in', 'nothing was done by half');
    await strict.close();
  }),
);

testNeeding(needs, 'names there: by node, by backend, several, none; one that is missing is an error', () =>
  scene({}, async ({ haproxy }) => {
    const at = (servers: Record<string, unknown>) =>
      startPlugin([{ ...edge, backends: ['app', 'static'], sockets: [haproxy.socket], servers }]);
    const plugin = await at({ one: 'web1', two: { static: 'web2' }, both: ['web1', 'web2'], none: [] });
    assert.match(await plugin.drain(['one']), /\(2 servers\)/);
    assert.match(await plugin.drain(['two']), /\(1 servers\)/);
    assert.match(await plugin.restore(['both']), /\(4 servers\)/);
    assert.match(await plugin.drain(['none']), /\(0 servers\)/);
    await plugin.close();
    for (const wrong of [{ one: 'web7' }, { one: { app: 'web7' } }, { one: { nowhere: 'web1' } }]) {
      const lost = await at(wrong);
      await assert.rejects(lost.drain(['one']), (error) => {
        assert.ok(error instanceof PluginError && !error.retryable);
        assert.match(error.message, /there is no server .*web/);
        return true;
      });
      await lost.close();
    }
  }),
);

testNeeding(
  needs,
  'a backend that is not there, and a socket without `level admin`, are errors at start',
  () =>
    scene({ haproxy: { level: 'operator' } }, async ({ haproxy, plugin }) => {
      await assert.rejects(plugin.validate(), (error) => {
        assert.ok(error instanceof PluginError);
        assert.match(error.message, /permission denied/);
        assert.match(error.fix ?? '', /level admin/);
        return true;
      });
      const other = await startPlugin([{ ...edge, backends: ['nowhere'], sockets: [haproxy.socket] }]);
      await assert.rejects(other.validate(), /there is no backend nowhere/);
      await other.close();
    }),
);

testNeeding(
  needs,
  'two HAProxy processes, one by TCP: both are told, mixed states are unknown, one that is away hides nothing',
  async () => {
    const origins = [await startOrigin('web1'), await startOrigin('web2')] as const;
    const first = await startHaproxy({ servers: origins });
    const second = await startHaproxy({ servers: origins, tcp: true });
    const plugin = await startPlugin([{ ...edge, sockets: [first.socket, second.tcpSocket] }]);
    try {
      await plugin.drain(['web1']);
      for (const one of [first, second])
        assert.match(await one.ask('show servers state app'), / web1 127\.0\.0\.1 2 8 /);
      await second.ask('set server app/web1 state ready');
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'unknown');
      await plugin.drain(['web1']);
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'out');
      await second.stop();
      await assert.rejects(plugin.restore(['web1']), (error) => {
        assert.ok(error instanceof PluginError && error.retryable);
        assert.match(error.message, /^web1: balancer edge \(127\.0\.0\.1:\d+\): .*ECONNREFUSED/);
        return true;
      });
      assert.match(await first.ask('show servers state app'), / web1 127\.0\.0\.1 2 0 /);
      const { nodes, note } = await plugin.inspect(['web1']);
      assert.equal(nodes[0]?.state, 'unknown');
      assert.match(note ?? '', /ECONNREFUSED/);
      await second.start();
    } finally {
      await plugin.close();
      await first.close();
      await second.close();
      for (const origin of origins) await origin.close();
    }
  },
);

async function withStandIn(
  answer: (socket: Socket) => void,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-garbage-'));
  const path = join(directory, 'admin.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  }).listen(path);
  await once(server, 'listening');
  try {
    await use(path);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((closed) => server.close(closed));
    await rm(directory, { recursive: true, force: true });
  }
}

const garbage: readonly (readonly [string, (socket: Socket) => void, RegExp])[] = [
  [
    'text that is no table',
    (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    /answered no state of servers: "HTTP\/1\.1 400/,
  ],
  ['nothing', (socket) => socket.end(), /closed the connection without an answer/],
  [
    'half an answer',
    (socket) => socket.end('1\n# be_id be_name srv_na'),
    /closed the connection without an answer/,
  ],
  [
    'a row too short',
    (socket) => socket.end('1\n# be_id be_name srv_id srv_name\n3 app\n'),
    /answered no state of servers/,
  ],
  ['bytes', (socket) => socket.end(Buffer.from([0xff, 0xfe, 0x00, 0x0a])), /answered no state of servers/],
];

test('a socket that answers something else is a clear error, whatever it is', async () => {
  await Promise.all(
    garbage.map(([what, answer, problem]) =>
      withStandIn(answer, async (path) => {
        const plugin = await startPlugin([{ ...edge, sockets: [path] }]);
        const refused = (call: Promise<unknown>) =>
          assert.rejects(call, (error) => {
            assert.ok(error instanceof PluginError && error.fix !== undefined);
            assert.match(error.message, problem, what);
            return true;
          });
        await Promise.all([refused(plugin.inspect(['web1'])), refused(plugin.drain(['web1']))]);
        await plugin.close();
      }),
    ),
  );
});

test('a socket that is not there does not keep the CCM from starting, but is told', async () => {
  const plugin = await startPlugin([{ ...edge, sockets: [join(tmpdir(), 'treecast-no-such.sock')] }]);
  await plugin.validate();
  assert.match(plugin.warnings.join('\n'), /balancer edge: .*no-such\.sock cannot be asked \(ENOENT\)/);
  await plugin.close();
});

test('a socket that never answers ends with the call', () =>
  withStandIn(
    () => undefined,
    async (path) => {
      const plugin = await startPlugin([{ ...edge, sockets: [path] }]);
      await assert.rejects(
        plugin.drain(['web1'], { signal: AbortSignal.timeout(200) }),
        /was not waited for/,
      );
      await plugin.close();
    },
  ));

test('names that could begin another command are refused, whoever gives them', async () => {
  for (const name of ['web1;shutdown', 'web1\nshow info', 'web1 state maint', '@1', '<<', ''])
    for (const wrong of [
      { ...edge, sockets: ['/run/x.sock'], backends: [name] },
      { ...edge, sockets: ['/run/x.sock'], servers: { web1: name } },
      { ...edge, sockets: ['/run/x.sock'], servers: { web1: { [name]: 'web1' } } },
    ])
      await assert.rejects(startPlugin([wrong]), /is no name|Invalid/, JSON.stringify(wrong));
  const plugin = await startPlugin([{ ...edge, sockets: ['/run/x.sock'] }]);
  await assert.rejects(plugin.drain(['web1\nshutdown']), /no name of a node/);
  await plugin.close();
});
