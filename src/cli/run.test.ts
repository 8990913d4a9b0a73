import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { commands } from './commands/command-list.ts';
import { createTestCli } from './testing/run-cli.ts';

test('alone it shows help on stdout and succeeds', async (t) => {
  const { code, stdout, stderr } = await createTestCli(t).run([]);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  for (const word of ['up', 'publish', 'site', 'doctor', 'verify'])
    assert.match(stdout, new RegExp(`\\b${word}\\b`));
});

test('every command has help with its options and at least one example', async (t) => {
  const cli = createTestCli(t);
  for (const command of commands) {
    const { code, stdout } = await cli.run([...command.name.split(' '), '--help']);
    assert.equal(code, 0, command.name);
    assert.match(stdout, /\nExamples:\n {2}\$ treecast /, command.name);
    assert.match(stdout, /--json/, command.name);
    for (const { flags } of command.options ?? [])
      assert.ok(stdout.includes(flags), `${command.name} ${flags}`);
  }
});

test('N48: a misspelt command or option is a usage error that suggests the right one', async (t) => {
  const cli = createTestCli(t);
  for (const [argv, suggestion] of [
    [['pubish', 'docs'], 'publish'],
    [['site', 'lst'], 'list'],
    [['status', '--wach'], '--watch'],
  ] as const) {
    const { code, stdout, stderr } = await cli.run(argv);
    assert.equal(code, 2, argv.join(' '));
    assert.equal(stdout, '');
    assert.ok(stderr.includes(`Did you mean ${suggestion}?`), stderr);
  }
});

test('N48: with --json a usage error is one JSON document on stdout, and text on stderr', async (t) => {
  const cli = createTestCli(t);
  for (const argv of [
    ['publish', '--json'],
    ['publish', 'Not A Name', '--json'],
    ['token', 'create', 'a', '--role', 'king', '--json'],
    ['nonsense', '--json'],
    ['site', '--json'],
    ['site', 'set', 'docs', '--json'],
    ['group', 'set', 'web', '--json'],
    ['job', 'list', '--limit', '0', '--json'],
    ['up', '--port', '70000', '--json'],
  ]) {
    const { code, json, stderr } = await cli.run(argv);
    assert.equal(code, 2, argv.join(' '));
    const { error } = json() as { error: { code: string; message: string; fix: string } };
    assert.equal(error.code, 'INVALID_INPUT');
    assert.ok(error.fix.length > 0);
    assert.ok(stderr.includes('fix:'), stderr);
  }
});

test('all problems of a command line are told together', async (t) => {
  const { code, stderr } = await createTestCli(t).run([
    'token',
    'create',
    'anna',
    '--role',
    'king',
    '--site',
    'A B',
    '--expires-in',
    'soon',
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /--role: .*not one of viewer, author, operator, admin/);
  assert.match(stderr, /--site: .*not a name/);
  assert.match(stderr, /--expires-in: .*not a duration/);
});

test('without a known CCM the fix names the ways to give one; nothing is sent', async (t) => {
  const { code, json } = await createTestCli(t).run(['site', 'list', '--json']);
  assert.equal(code, 2);
  const { error } = json() as { error: { fix: string } };
  assert.match(error.fix, /treecast up.*--api.*TREECAST_API/);
});

test('a CCM that does not answer ends with 4', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  const { code, json } = await createTestCli(t).run([
    'site',
    'list',
    '--api',
    `http://127.0.0.1:${port}`,
    '--token',
    'x',
    '--json',
  ]);
  assert.equal(code, 4);
  assert.equal((json() as { error: { code: string } }).error.code, 'CCM_UNREACHABLE');
});

test('told to stop, a waiting command ends at once with 130 and says nothing wrong', async (t) => {
  const server = createServer(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const stop = new AbortController();
  server.once('request', () => stop.abort());
  const { port } = server.address() as AddressInfo;
  const { code, stdout, stderr } = await createTestCli(t).run(
    ['verify', 'docs', '--api', `http://127.0.0.1:${port}`, '--token', 'x', '--json'],
    { signal: stop.signal },
  );
  assert.equal(code, 130);
  assert.equal(stdout, '');
  assert.equal(stderr, '');
});

test('config check reports every problem at once with line, column and fix', async (t) => {
  const cli = createTestCli(t);
  writeFileSync(
    join(cli.directory, 'ccm.yaml'),
    'lisen: 127.0.0.1:1\nagentListen: here\nlog:\n  level: loud\n',
  );
  const { code, json } = await cli.run(['config', 'check', 'ccm.yaml', '--json']);
  assert.equal(code, 2);
  const { error } = json() as { error: { data: { problems: { line: number; fix: string }[] } } };
  assert.deepEqual(
    error.data.problems.map(({ line }) => line),
    [1, 2, 4],
  );
  assert.equal(error.data.problems[0]?.fix, 'Did you mean `listen`?');

  writeFileSync(join(cli.directory, 'ccm.yaml'), 'listen: 127.0.0.1:7070\n');
  assert.equal((await cli.run(['config', 'check', 'ccm.yaml'])).code, 0);
  writeFileSync(join(cli.directory, 'policy.yaml'), 'deleteShareMax: 0.2\nfileMode: "640"\n');
  assert.equal((await cli.run(['config', 'check', 'policy.yaml'])).code, 0);
  assert.equal((await cli.run(['config', 'check', 'none.yaml', '--kind', 'agent'])).code, 3);
  assert.equal((await cli.run(['config', 'check', 'policy.txt'])).code, 2);
});

test('config schema prints a JSON Schema of each kind', async (t) => {
  const cli = createTestCli(t);
  for (const kind of ['ccm', 'agent', 'policy']) {
    const { code, json } = await cli.run(['config', 'schema', kind, '--json']);
    assert.equal(code, 0);
    const schema = json();
    assert.equal(schema['type'], 'object');
    assert.equal(schema['additionalProperties'], false);
  }
});

test('doctor --offline looks at this machine: one result for each check', async (t) => {
  const { code, json } = await createTestCli(t).run(['doctor', '--offline', '--port', '0', '--json']);
  const { checks } = json() as { checks: { name: string; outcome: string }[] };
  assert.deepEqual(
    checks.map(({ name }) => name),
    ['node', 'git', 'disk', 'port 0'],
  );
  assert.equal(checks[0]?.outcome, 'ok');
  assert.equal(checks[1]?.outcome, 'ok');
  assert.equal(code, checks.some(({ outcome }) => outcome === 'fail') ? 1 : 0);
});

test('doctor names a CCM that does not answer, with a fix, and ends with 1', async (t) => {
  const { code, stdout } = await createTestCli(t).run([
    'doctor',
    '--api',
    'http://127.0.0.1:9',
    '--token',
    'x',
  ]);
  assert.equal(code, 1);
  assert.match(stdout, /fail {2}ccm +The CCM at http:\/\/127\.0\.0\.1:9 does not answer\.\n +fix: /);
});

test('doctor network looks at what a node of a segment needs, and takes no other part', async (t) => {
  const cli = createTestCli(t);
  const { json } = await cli.run(['doctor', 'network', '--dir', 'nothing', '--interface', 'lo', '--json']);
  const { checks } = json() as { checks: { name: string; outcome: string }[] };
  assert.deepEqual(
    checks.map(({ name }) => name),
    ['interface', 'multicast', 'ports', 'others'],
  );
  assert.equal((await cli.run(['doctor', 'nonsense'])).code, 2);
  for (const wrong of [
    ['doctor', '--throughput'],
    ['doctor', 'network', '--mbit', '5'],
    ['doctor', 'network', '--throughput', '--mbit', '0'],
    ['doctor', 'network', '--throughput', '--mbit', 'off'],
  ])
    assert.equal((await cli.run(wrong)).code, 2, wrong.join(' '));
});
