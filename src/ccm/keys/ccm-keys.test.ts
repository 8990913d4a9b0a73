// Rotation of the CCM's keys on disk: whole before and after a SIGKILL at any of its steps, and refused where keys are missing or mixed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { followStatements, keyIdOf } from '../../net/keys/key-statement.ts';
import { type TestScope, temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { createSigningRequest } from '../../net/tls/signing-request.ts';
import { openCcmKeys } from './ccm-keys.ts';

const files = ['ca-key.pem', 'ca.pem', 'history.json', 'release-key.pem'];

async function made(t: TestScope) {
  const directory = temporaryDirectory(t);
  return { directory, keys: await openCcmKeys(directory, { create: true }) };
}

const pem = (key: { export(options: { type: 'spki'; format: 'pem' }): string | Buffer }) =>
  key.export({ type: 'spki', format: 'pem' }) as string;

test('KEYS-9 N64: after two rotations of each kind, who believes the first keys reaches the present ones; only these can sign', async (t) => {
  const { directory, keys } = await made(t);
  const first = { ca: keys.certificates.certificate, release: pem(keys.believedReleaseKeys()[0] as never) };
  for (const kind of ['release', 'ca', 'release', 'ca'] as const) await keys.rotate(kind, false);
  const again = await openCcmKeys(directory, { create: false });
  for (const opened of [keys, again]) {
    const { statements } = opened.history();
    assert.equal(followStatements('ca', [first.ca], statements)[0], opened.certificates.certificate);
    assert.equal(
      followStatements('release', [first.release], statements)[0],
      pem(opened.believedReleaseKeys()[0] as never),
    );
    assert.equal(opened.believedReleaseKeys().length, 2);
    assert.equal(opened.formerReleaseKeys().length, 3);
    assert.equal(opened.certificates.believed.length, 3);
  }
  const folder = join(directory, 'keys');
  assert.deepEqual(readdirSync(folder).sort(), files);
  for (const file of ['ca-key.pem', 'release-key.pem', 'history.json']) {
    assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  }
});

test('KEYS-10 KEYS-11: a compromised CA vouches for nothing and its certificates count no more; a compromised release key is believed no more', async (t) => {
  const { keys } = await made(t);
  const former = { ca: keys.certificates.certificate, release: pem(keys.believedReleaseKeys()[0] as never) };
  await keys.rotate('ca', false);
  await keys.rotate('ca', true);
  await keys.rotate('release', true);
  const { statements } = keys.history();
  assert.deepEqual(followStatements('ca', [former.ca], statements), []);
  assert.deepEqual(
    keys.certificates.believed.map((certificate) => keyIdOf('ca', certificate.toString())),
    [keys.certificates.fingerprint],
  );
  assert.equal(keys.believedReleaseKeys().length, 1);
  assert.equal(keys.formerReleaseKeys().length, 1);
  // Nodes ask for this over verified TLS, so that they learn what follows.
  assert.equal(followStatements('release', [former.release], statements).length, 1);
});

test('KEYS-9: a SIGKILL at any step of a rotation leaves the former keys or the next ones, whole, and the next rotation works', async (t) => {
  const points = {
    release: [
      'file.written:1',
      'ccm.keys.next-release-key-written',
      'file.written:2',
      'ccm.keys.history-written',
      'ccm.keys.release-key-named',
    ],
    ca: [
      'file.renamed:1',
      'ccm.keys.authority-key-written',
      'ccm.keys.authority-written',
      'file.written:3',
      'ccm.keys.history-written',
      'ccm.keys.authority-key-named',
      'ccm.keys.authority-named',
    ],
  } as const;
  const outcomes = new Set<string>();
  for (const kind of ['release', 'ca'] as const) {
    for (const point of points[kind]) {
      const { directory, keys } = await made(t);
      const before = keys.history().keys.length;
      await killedWhileRotating(directory, kind, point);
      const after = await openCcmKeys(directory, { create: false });
      const rotated = after.history().keys.length - before;
      outcomes.add(`${kind} ${rotated}`);
      const folder = join(directory, 'keys');
      assert.deepEqual(
        readdirSync(folder).sort(),
        rotated === 0 ? files.filter((name) => name !== 'history.json') : files,
        point,
      );
      const node = await after.certificates.issueNodeCertificate(
        await createSigningRequest(generatePrivateKey(), 'web-1'),
        'web-1',
      );
      assert.equal(node.authority, after.certificates.fingerprint);
      await after.rotate(kind, false);
      assert.equal(
        (await openCcmKeys(directory, { create: false })).history().keys.length,
        before + rotated + 1,
      );
    }
  }
  assert.deepEqual([...outcomes].sort(), ['ca 0', 'ca 1', 'release 0', 'release 1']);
});

test('a CCM whose keys are missing or not those of its history says so, and makes no new ones', async (t) => {
  for (const file of ['ca.pem', 'ca-key.pem', 'release-key.pem']) {
    const { directory } = await made(t);
    rmSync(join(directory, 'keys', file));
    await assert.rejects(openCcmKeys(directory, { create: false }), { code: 'STATE_CORRUPT' });
    assert.ok(!readdirSync(join(directory, 'keys')).includes(file));
  }
  const { directory, keys } = await made(t);
  const other = await made(t);
  await keys.rotate('release', false);
  copyFileSync(join(other.directory, 'keys', 'release-key.pem'), join(directory, 'keys', 'release-key.pem'));
  await assert.rejects(openCcmKeys(directory, { create: false }), {
    code: 'STATE_CORRUPT',
    message: /history\.json/,
  });
});

async function killedWhileRotating(directory: string, kind: string, point: string): Promise<void> {
  const module = new URL('./ccm-keys.ts', import.meta.url).href;
  const program = `
    const { openCcmKeys } = await import(${JSON.stringify(module)});
    const keys = await openCcmKeys(${JSON.stringify(directory)}, { create: false });
    await keys.rotate(${JSON.stringify(kind)}, false);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, TREECAST_FAILPOINT: point },
    stdio: 'ignore',
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', `${point} was not passed`);
}
