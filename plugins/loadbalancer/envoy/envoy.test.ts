import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { watch } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { listen, until } from 'treecast/plugin/testing';
import { startPlugin } from '../testing/start-plugin.ts';
import { parseEndpoints, renderEndpoints } from './endpoints-file.ts';

/** Field by field what envoy/config/endpoint/v3/endpoint.proto and envoy/service/discovery/v3/discovery.proto allow here. */
function checkEndpoints(text: string): Map<string, string> {
  const file = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(Object.keys(file).sort(), ['resources', 'version_info']);
  assert.equal(typeof file['version_info'], 'string');
  const resources = file['resources'] as Record<string, unknown>[];
  assert.equal(resources.length, 1);
  const [assignment] = resources;
  assert.ok(assignment !== undefined);
  assert.deepEqual(Object.keys(assignment).sort(), ['@type', 'cluster_name', 'endpoints']);
  assert.equal(assignment['@type'], 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment');
  assert.ok(
    typeof assignment['cluster_name'] === 'string' && assignment['cluster_name'].length > 0,
    'min_len 1',
  );
  const found = new Map<string, string>();
  for (const locality of assignment['endpoints'] as Record<string, unknown>[]) {
    assert.deepEqual(Object.keys(locality), ['lb_endpoints']);
    for (const one of locality['lb_endpoints'] as Record<string, unknown>[]) {
      assert.deepEqual(Object.keys(one).sort(), ['endpoint', 'health_status', 'load_balancing_weight']);
      const status = String(one['health_status']);
      assert.ok(['UNKNOWN', 'HEALTHY', 'UNHEALTHY', 'DRAINING', 'TIMEOUT', 'DEGRADED'].includes(status));
      assert.ok(Number(one['load_balancing_weight']) >= 1, 'uint32 gte 1');
      const { address, port_value } = (
        one['endpoint'] as { address: { socket_address: { address: string; port_value: number } } }
      ).address.socket_address;
      assert.ok(address.length > 0 && port_value >= 0 && port_value <= 65_535, 'uint32 lte 65535');
      found.set(`${address}|${port_value}`, status);
    }
  }
  return found;
}

const servers = { web1: '10.0.0.1:80', web2: ['10.0.0.2:80', '[fd00::2]:80'] };

async function withDirectory(use: (file: string, directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-envoy-'));
  try {
    await use(join(directory, 'endpoints.json'), directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test('R9.2 envoy: endpoints are DRAINING while their node is out; the file is replaced by a rename', () =>
  withDirectory(async (file, directory) => {
    const plugin = await startPlugin([
      { name: 'mesh', kind: 'envoy', file, cluster: 'docs', servers, drain: { waitSeconds: 0 } },
    ]);
    await plugin.validate();
    assert.deepEqual(
      [...checkEndpoints(await readFile(file, 'utf8')).values()],
      ['HEALTHY', 'HEALTHY', 'HEALTHY'],
    );
    // Envoy watches the directory for moves, as inotify tells them.
    const moved = new EventEmitter();
    const watcher = watch(directory, (kind, name) => {
      if (kind === 'rename' && name === 'endpoints.json') moved.emit('moved');
    });
    const seen = once(moved, 'moved');
    await plugin.drain(['web2']);
    await seen;
    watcher.close();
    assert.deepEqual(
      [...checkEndpoints(await readFile(file, 'utf8'))],
      [
        ['10.0.0.1|80', 'HEALTHY'],
        ['10.0.0.2|80', 'DRAINING'],
        ['fd00::2|80', 'DRAINING'],
      ],
    );
    assert.equal((await plugin.inspect(['web2'])).nodes[0]?.state, 'out');
    await plugin.restore(['web2']);
    await plugin.weigh(['web1'], 0.3);
    const { nodes } = await plugin.inspect(['web1', 'web2']);
    assert.deepEqual(
      nodes.map(({ state, weight }) => [state, weight]),
      [
        ['in', 30],
        ['in', 100],
      ],
    );
    await plugin.close();
  }));

test('N67 envoy: a file that somebody else changed is left alone', () =>
  withDirectory(async (file) => {
    const plugin = await startPlugin([
      { name: 'mesh', kind: 'envoy', file, cluster: 'docs', servers, drain: { waitSeconds: 0 } },
    ]);
    await plugin.validate();
    const theirs = (await readFile(file, 'utf8')).replace('10.0.0.1', '10.0.0.9');
    await writeFile(file, theirs);
    await assert.rejects(plugin.drain(['web1']), /changed by somebody else/);
    assert.equal(await readFile(file, 'utf8'), theirs);
    await plugin.close();
  }));

test('envoy with its admin address: what it loaded is read back, requests are waited for', () =>
  withDirectory(async (file) => {
    // A stand-in for Envoy's admin interface: it takes the file as Envoy does, a moment later, and answers `/clusters?format=json`.
    let active = 2;
    let loads = true;
    let loaded = new Map<string, string>();
    const admin = createServer((request, response) => {
      assert.equal(request.url, '/clusters?format=json');
      void readFile(file, 'utf8').then((text) => {
        const hosts = [...loaded].map(([key, status]) => {
          const [address, port] = key.split('|');
          return {
            address: { socket_address: { address, port_value: Number(port) } },
            stats: [
              { name: 'cx_total', value: '7', type: 'COUNTER' },
              active === 0
                ? { name: 'rq_active', type: 'GAUGE' }
                : { name: 'rq_active', value: String(active), type: 'GAUGE' },
            ],
            health_status: { eds_health_status: status },
            weight: 100,
          };
        });
        response.end(
          JSON.stringify({
            cluster_statuses: [
              { name: 'other' },
              { name: 'docs', added_via_api: true, host_statuses: hosts },
            ],
          }),
        );
        if (loads) loaded = checkEndpoints(text);
      });
    });
    const port = await listen(admin);
    const balancer = {
      name: 'mesh',
      kind: 'envoy',
      file,
      cluster: 'docs',
      servers,
      admin: `http://127.0.0.1:${port}`,
    };
    const plugin = await startPlugin([{ ...balancer, drain: { waitSeconds: 20 } }]);
    await plugin.validate();
    await plugin.restore(['web1', 'web2']);
    let done = false;
    const drained = plugin.drain(['web1']).then(() => {
      done = true;
    });
    await until('it drains', async () => (await plugin.inspect(['web1'])).nodes[0]?.state === 'draining');
    assert.equal(done, false);
    active = 0;
    await drained;
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'out');
    loads = false;
    await assert.rejects(
      plugin.restore(['web1'], { signal: AbortSignal.timeout(400) }),
      /did not load|not waited for/,
    );
    loads = true;
    await plugin.restore(['web1']);
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'in');
    admin.closeAllConnections();
    await new Promise((closed) => admin.close(closed));
    await assert.rejects(plugin.inspect(['web1']), /GET http.*clusters\?format=json failed \(ECONNREFUSED\)/);
    await plugin.close();
  }));

test('envoy: names, no IP, and force are refused at start', async () => {
  const base = { name: 'mesh', kind: 'envoy', file: '/etc/envoy/endpoints.json', cluster: 'docs' };
  await assert.rejects(startPlugin([{ ...base, servers: { web1: 'web1.example.org:80' } }]), /no IP address/);
  await assert.rejects(startPlugin([{ ...base, servers: {} }]), /has no server/);
  await assert.rejects(
    startPlugin([{ ...base, file: '/etc/envoy/endpoints.yaml', servers }]),
    /must end in \.json/,
  );
  await assert.rejects(
    startPlugin([{ ...base, servers, drain: { afterwards: 'force' } }]),
    /no means to end sessions/,
  );
});

test('the endpoints file is read back as written; a changed one is noticed', () => {
  const server = fc.record(
    {
      address: fc
        .tuple(
          fc.oneof(
            fc.ipV4(),
            fc.ipV6().map((ip) => `[${ip}]`),
          ),
          fc.integer({ min: 1, max: 65_535 }),
        )
        .map(([host, port]) => `${host}:${port}`),
      out: fc.boolean(),
      weight: fc.integer({ min: 1, max: 1000 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      fc.array(server, { minLength: 1, maxLength: 6 }),
      fc.string({ minLength: 1 }),
      (all, cluster) => {
        const text = renderEndpoints(all, cluster);
        checkEndpoints(text);
        assert.deepEqual(parseEndpoints(text), all);
        assert.equal(
          parseEndpoints(text.replace(/"load_balancing_weight": \d+/, '"load_balancing_weight": 1001')),
          undefined,
        );
        assert.equal(parseEndpoints(text.slice(0, -3)), undefined);
      },
    ),
  );
});
