// KEYS-14: a whole life with every secret known to the test: none of them is in what is logged, printed, listed or dumped, and no file that
// holds one can be read by others.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import type { Machine } from './support/machine.ts';
import { createSeparateFleet, type SeparateFleet } from './support/separate-fleet.ts';

let fleet: SeparateFleet;
let agent: Machine;
/** By what each is, in every form in which it could be written down. */
const secrets = new Map<string, string>();
/** Everything that commands printed. */
const printed: string[] = [];
/** Command lines and environments of all processes under the test that were seen while it ran. */
const processes = new Set<string>();
let watching: NodeJS.Timeout;

before(async () => {
  fleet = await createSeparateFleet();
  await fleet.ccm.start();
  await fleet.client().sites.create({ name: 'docs' });
  watching = setInterval(lookAtProcesses, 10);
});
after(async () => {
  clearInterval(watching);
  await fleet.close();
});

function know(name: string, text: string): void {
  const pem = /-----BEGIN PRIVATE KEY-----\s*([\s\S]+?)\s*-----END/.exec(text)?.[1]?.replaceAll(/\s/g, '');
  const base64 = pem ?? text;
  secrets.set(name, base64);
  const isBase64 = /^[A-Za-z0-9+/]{40,}={0,2}$/.test(base64);
  if (!isBase64) return;
  // A private key's own 32 bytes end its PKCS#8.
  const bytes = Buffer.from(base64, 'base64').subarray(-32);
  secrets.set(`${name}, hex`, bytes.toString('hex'));
  secrets.set(`${name}, base64`, bytes.toString('base64').replace(/=+$/, ''));
  secrets.set(`${name}, base64url`, bytes.toString('base64url'));
}

/** Of what runs below the CCM and the agent, those included. */
function lookAtProcesses(): void {
  const pids = [fleet.ccm.pid, agent?.pid].filter((pid) => pid !== undefined).map(String);
  for (let pid = pids.shift(); pid !== undefined; pid = pids.shift()) {
    processes.add(readProcess(pid, 'cmdline')).add(readProcess(pid, 'environ'));
    pids.push(
      ...readProcess(pid, `task/${pid}/children`)
        .split(' ')
        .filter((child) => child !== ''),
    );
  }
}

/** A push whose Git is held until its processes were seen, however short it would be. */
async function pushSeen(page: string): Promise<string> {
  const repository = join(fleet.ccm.directory, 'repositories', 'docs.git');
  const held = join(repository, 'held');
  writeFileSync(held, '');
  writeFileSync(
    join(repository, 'hooks', 'reference-transaction'),
    `#!/bin/sh\nwhile [ -e '${held}' ]; do sleep 0.05; done\n`,
    { mode: 0o755 },
  );
  const seen = until('Git’s processes are seen', () => {
    lookAtProcesses();
    return [...processes].some((text) => text.includes('receive-pack'));
  }).finally(() => rmSync(held));
  const [tree] = await Promise.all([fleet.pushed('docs', page), seen]);
  rmSync(join(repository, 'hooks', 'reference-transaction'));
  return tree;
}

function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

async function treecast(...args: string[]) {
  const result = await fleet.treecast(...args);
  printed.push(result.stdout, result.stderr);
  return result;
}

function knowKeys(): void {
  const keys = join(fleet.ccm.directory, 'keys');
  for (const file of readdirSync(keys).filter((name) => name.endsWith('key.pem'))) {
    know(`${file} ${secrets.size}`, readFileSync(join(keys, file), 'utf8'));
  }
  const identity = join(agent.directory, 'identity');
  know(`the node’s key ${secrets.size}`, readFileSync(join(identity, 'key.pem'), 'utf8'));
  const { grants } = JSON.parse(readFileSync(join(identity, 'sites.json'), 'utf8')) as {
    grants: { contentKeys: { id: string; key: string }[] }[];
  };
  for (const { id, key } of grants.flatMap(({ contentKeys }) => contentKeys)) know(`content key ${id}`, key);
}

test('KEYS-14: a life of joins, pushes, rotations and errors', async () => {
  know('the admin token', fleet.adminToken);
  const joinToken = (await fleet.client().joinTokens.create()).token;
  know('the join token', joinToken);
  const { s } = JSON.parse(Buffer.from(joinToken.slice(4), 'base64url').toString()) as { s: string };
  know('the join token’s secret', s);
  agent = await fleet.join('web1', joinToken);
  await agent.start();
  const { token } = await fleet
    .client()
    .tokens.create({ name: 'alice', roles: ['author'], sites: ['docs'], expiresAt: null });
  know('an author’s token', token);
  await fleet.untilLive('web1', await pushSeen('first'));
  knowKeys();
  for (const kind of ['release', 'ca', 'content']) await treecast('key', 'rotate', kind);
  await fleet.untilLive('web1', await fleet.pushed('docs', 'second'));
  knowKeys();
  // What goes wrong, by the command line, by Git and on the agents' port.
  await fleet.join('web1', joinToken).catch((error: unknown) => printed.push(String(error)));
  await treecast('site', 'add', 'docs');
  await treecast('publish', 'docs', '--ref', 'nowhere');
  await treecast('key', 'rotate', 'ca', '--site', 'docs');
  await fleet
    .client()
    .tokens.revoke((await fleet.client().tokens.list()).find(({ name }) => name === 'alice')?.id ?? '');
  const url = new URL((await fleet.client().sites.get('docs')).gitUrl);
  url.username = 'alice';
  url.password = token;
  const refused = await fleet.author.push(url.href);
  assert.notEqual(refused.code, 0);
  for (const args of [
    ['node', 'show', 'web1'],
    ['key', 'list', '--json'],
    ['token', 'list', '--json'],
    ['doctor', '--offline'],
    ['job', 'list', '--json'],
  ]) {
    await treecast(...args);
  }
  printed.push(JSON.stringify(await fleet.client().events.list({ after: 0, limit: 1_000 })));
  await fleet.client().nodes.remove('web1');
  await until('the agent was told', () => /NODE_REMOVED/.test(agent.log()));
  assert.ok(secrets.size > 30, `${secrets.size} forms of secrets are known`);
});

test('KEYS-14: no secret is in logs, in what was printed, in events, command lines or environments', () => {
  const places = {
    'the log of the CCM': fleet.ccm.log(),
    'the log of the agent': agent.log(),
    'what was printed': printed.join('\n'),
    'command lines and environments': [...processes].join('\n'),
  };
  for (const [place, text] of Object.entries(places)) {
    assert.ok(text.length > 100, `${place} has something`);
    for (const [name, secret] of secrets) assert.ok(!text.includes(secret), `${name} is in ${place}`);
  }
});

test('KEYS-14: the database holds tokens as hashes only, and no key but content keys', async () => {
  await fleet.ccm.end();
  const database = new DatabaseSync(join(fleet.ccm.directory, 'ccm.db'), { readOnly: true });
  const tables = database.prepare("select name from sqlite_master where type = 'table'").all() as {
    name: string;
  }[];
  const dump = tables
    .filter(({ name }) => name !== 'content_keys')
    .map(({ name }) => JSON.stringify(database.prepare(`select * from "${name}"`).all()))
    .join('\n');
  database.close();
  assert.match(dump, /node.removed/);
  for (const [name, secret] of secrets) assert.ok(!dump.includes(secret), `${name} is in the database`);
});

test('KEYS-14: every file that holds a secret, and every directory of secrets, is its owner’s alone', () => {
  const held = new Set<string>();
  for (const root of [fleet.ccm.directory, agent.directory]) {
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const text = readFileSync(path).toString('latin1');
      const isSecret =
        [...secrets.values()].some((secret) => text.includes(secret)) || /PRIVATE KEY/.test(text);
      if (!isSecret) continue;
      held.add(entry.name);
      assert.equal(statSync(path).mode & 0o077, 0, `${path} can be read by others`);
    }
  }
  assert.ok(
    held.has('ca-key.pem') && held.has('sites.json') && held.has('key.pem') && held.has('ccm.db'),
    [...held].join(),
  );
  for (const directory of [join(fleet.ccm.directory, 'keys'), join(agent.directory, 'identity')]) {
    assert.equal(statSync(directory).mode & 0o777, 0o700);
  }
});
