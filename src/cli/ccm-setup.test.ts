import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { contextPath, readContext } from './context-file.ts';
import { createOutput } from './output.ts';
import { rememberContext } from './remember-context.ts';
import { createTestCli } from './testing/run-cli.ts';

test('ccm init listens on the ports of the URLs it is given, and says what to edit next', async (t) => {
  const cli = createTestCli(t);
  const { code, stdout } = await cli.run([
    ...['ccm', 'init', '--dir', 'ccm'],
    ...['--public-url', 'https://ccm.example.org:9070', '--agent-url', 'https://ccm.example.org:9443'],
  ]);
  assert.equal(code, 0);
  const configuration = readFileSync(join(cli.directory, 'ccm', 'ccm.yaml'), 'utf8');
  assert.match(configuration, /^listen: 127\.0\.0\.1:9070$/m);
  assert.match(configuration, /^agentListen: 0\.0\.0\.0:9443$/m);
  assert.match(stdout, /listen: 0\.0\.0\.0:9070 and tls/);
});

test('the port for agents on this machine is open to this machine only', async (t) => {
  const cli = createTestCli(t);
  const { code } = await cli.run(['ccm', 'init', '--dir', 'ccm', '--agent-url', 'https://127.0.0.1:9443']);
  assert.equal(code, 0);
  assert.match(
    readFileSync(join(cli.directory, 'ccm', 'ccm.yaml'), 'utf8'),
    /^agentListen: 127\.0\.0\.1:9443$/m,
  );
});

test('config check finds that a file of tls cannot be read', async (t) => {
  const cli = createTestCli(t);
  writeFileSync(join(cli.directory, 'ccm.yaml'), 'tls: {certificate: here.pem, key: gone.pem}\n');
  writeFileSync(join(cli.directory, 'here.pem'), 'a certificate');
  const { code, stderr } = await cli.run(['config', 'check', 'ccm.yaml']);
  assert.equal(code, 2);
  assert.match(stderr, /tls\.key.*gone\.pem cannot be read/);
  writeFileSync(join(cli.directory, 'gone.pem'), 'a key');
  assert.equal((await cli.run(['config', 'check', 'ccm.yaml'])).code, 0);
});

test('ELEC-30: config check names timers of segments that are beyond their limits, do not fit together, or do not exist', async (t) => {
  const cli = createTestCli(t);
  const check = async (segments: string) => {
    writeFileSync(join(cli.directory, 'ccm.yaml'), `segments: ${segments}\n`);
    return cli.run(['config', 'check', 'ccm.yaml']);
  };
  const good = ['{}', '{preset: classic}', '{timers: {reportMs: 30000}}'];
  for (const segments of good) assert.equal((await check(segments)).code, 0, segments);
  const wrong = {
    '{timers: {aliveMs: 5}}': /segments\.timers.*aliveMs is 5; it is from 100/,
    '{timers: {lostMs: 2000}}': /segments\.timers.*lostMs is 2000; it is at least triggerMinMs/,
    '{preset: classic, timers: {windowMs: 700}}': /segments\.timers.*windowMs is 700/,
    '{timers: {lostSeconds: 5}}': /lostSeconds/,
    '{preset: slow}': /segments\.preset/,
  };
  for (const [segments, said] of Object.entries(wrong)) {
    const { code, stderr } = await check(segments);
    assert.equal(code, 2, segments);
    assert.match(stderr, said);
  }
});

test('a missing option and a wrong word are told by name', async (t) => {
  const cli = createTestCli(t);
  assert.match((await cli.run(['ccm', 'init'])).stderr, /Missing required option --dir/);
  const { stderr } = await cli.run(['token', 'create', 'anna', '--role', 'author', '--role', 'king']);
  assert.match(stderr, /--role: `king` is not one of/);
});

test('a context that up did not write is kept, each under a name of its own; those of up are not', async (t) => {
  const { directory } = createTestCli(t);
  const env = { TREECAST_CONTEXT: join(directory, 'context.json') };
  const path = contextPath(env);
  const notes: string[] = [];
  const stderr = { write: (text: string) => notes.push(text) };
  const output = createOutput({ stdout: { write: () => undefined }, stderr, env, isJson: false });
  const first = { api: 'https://ccm.example.org', token: 'first' };
  const second = { api: 'https://other.example.org', token: 'second' };
  await rememberContext(first, env, output);
  for (const token of ['up1', 'up2']) {
    await rememberContext({ api: 'http://127.0.0.1:7070', token, madeBy: 'up' }, env, output);
  }
  await rememberContext(second, env, output);
  await rememberContext({ api: 'http://127.0.0.1:7070', token: 'up3', madeBy: 'up' }, env, output);
  assert.deepEqual(await readContext(`${path}.old`), first);
  assert.deepEqual(await readContext(`${path}.old2`), second);
  assert.equal((await readContext(path))?.token, 'up3');
  assert.equal(statSync(`${path}.old`).mode & 0o777, 0o600);
  assert.match(notes.join(''), /context\.json\.old\b/);
});
