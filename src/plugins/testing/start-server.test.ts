import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { askHttp } from './ask-http.ts';
import { freePort, freePorts } from './free-ports.ts';
import { type ServerOptions, startServer } from './start-server.ts';
import { until } from './until.ts';

/** A Node program as the server; `PORT` in it is its port. */
const start = (code: string, options: ServerOptions) => startServer(process.execPath, ['-e', code], options);
const listens = (port: number): string =>
  `process.getBuiltinModule('node:http').createServer((request, response) => response.end(request.headers.word)).listen(${port}, '127.0.0.1');`;
const isAlive = (pid: number): boolean => {
  try {
    // Z: it has ended, and nobody has asked how.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

test('a server is there when it accepts, answers, and is gone when it was ended, also twice', async () => {
  const port = await freePort();
  const server = await start(listens(port), { serves: port });
  const { status, body } = await askHttp(port, '/', { headers: { word: 'hällo' }, encoding: 'latin1' });
  assert.deepEqual([status, body], [200, 'hÃ¤llo']);
  await Promise.all([server.end(), server.end()]);
  assert.ok(server.hasEnded());
  assert.equal(isAlive(server.pid), false);
  await assert.rejects(askHttp(port, '/'), /ECONNREFUSED/);
  await server.end();
});

test('one that ends before it serves is told with its last words and its log, at once', async () => {
  await assert.rejects(
    start(`process.stderr.write('no such directive'); process.exitCode = 3;`, {
      serves: await freePort(),
      log: () => ' (and in the log)',
    }),
    /ended \(3\) before it served: .*\nno such directive \(and in the log\)/,
  );
  await assert.rejects(startServer('/no/such/server', [], { serves: 1 }), /ENOENT/);
});

test('a condition decides over what it wrote; what the condition throws ends the server', async () => {
  const talks = `process.stdout.write(String(process.pid) + ' ready'); setInterval(() => {}, 1e6);`;
  const server = await start(talks, { serves: (output) => output.includes('ready') });
  assert.equal(server.output(), `${server.pid} ready`);
  await server.end();
  let pid = 0;
  const failed = start(talks, {
    serves(output) {
      pid = Number.parseInt(output, 10);
      if (pid > 0) throw new Error('wrong version');
      return false;
    },
  });
  await assert.rejects(failed, /wrong version/);
  assert.equal(isAlive(pid), false);
});

test('one that heeds no SIGTERM is killed, with its process group when it has one; a stopped one is continued', async () => {
  const deaf = `process.on('SIGTERM', () => {}); `;
  const child = `process.getBuiltinModule('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(`${deaf} process.stdout.write('pid ' + process.pid + ';'); setInterval(() => {}, 1e6);`)}], { stdio: 'inherit' });`;
  const server = await start(`${deaf} ${child}`, {
    serves: (output) => /pid \d+;/.test(output),
    ownGroup: true,
    killAfterMs: 200,
  });
  const pid = Number(/pid (\d+);/.exec(server.output())?.[1]);
  server.signal('SIGSTOP');
  await server.end();
  assert.equal(isAlive(server.pid), false);
  await until('its child is gone too', () => !isAlive(pid));
});

test('free ports are all different', async () => {
  const ports = await freePorts(20);
  assert.equal(new Set(ports).size, 20);
  assert.ok(ports.every((port) => port > 0));
});
