// The public port with the operator's own certificate: `tls` in ccm.yaml, as the CLI and git see it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, test } from 'node:test';
import { createCertificateAuthority } from '../../src/net/tls/certificate-authority.ts';
import { createAuthor } from '../lab/author.ts';
import { run } from './support/fleet.ts';
import { launcher } from './up-process.ts';

let directory: string;
let ccmDirectory: string;
let env: NodeJS.ProcessEnv;
let adminToken: string;
let authority: Awaited<ReturnType<typeof createCertificateAuthority>>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'treecast-tls-'));
  ccmDirectory = join(directory, 'ccm');
  env = { ...process.env, TREECAST_CONTEXT: join(directory, 'context.json') };
  authority = await createCertificateAuthority(join(directory, 'authority'));
  const made = await run(launcher, ['ccm', 'init', '--dir', ccmDirectory, '--json'], { env });
  assert.equal(made.code, 0, made.stderr);
  adminToken = (JSON.parse(made.stdout) as { token: string }).token;
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 20 }));

async function configure({ certificate, key }: { certificate: string; key: string }): Promise<void> {
  await writeFile(join(ccmDirectory, 'public.pem'), certificate);
  await writeFile(join(directory, 'public-key.pem'), key, { mode: 0o600 });
  await writeFile(
    join(ccmDirectory, 'ccm.yaml'),
    [
      'listen: 127.0.0.1:0',
      'agentListen: 127.0.0.1:0',
      'tls:',
      '  certificate: public.pem',
      `  key: ${join(directory, 'public-key.pem')}`,
      'log: { level: warn }',
    ].join('\n'),
  );
}

test('with `tls` the CLI and git speak HTTPS to the public port, and only under its authority', async () => {
  await configure(await authority.issueServerIdentity(['127.0.0.1']));
  const ccm = spawn(launcher, ['ccm', 'run', '--dir', ccmDirectory, '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(ccm, 'exit');
  const author = await createAuthor();
  try {
    const [line] = (await once(createInterface({ input: ccm.stdout }), 'line')) as [string];
    const { api } = JSON.parse(line) as { api: string };
    assert.match(api, /^https:\/\/127\.0\.0\.1:\d+$/);

    const ca = join(directory, 'authority', 'ca.pem');
    const args = ['--api', api, '--token', adminToken, '--json'];
    const trusting = { env: { ...env, NODE_EXTRA_CA_CERTS: ca } };
    const added = await run(launcher, ['site', 'add', 'docs', ...args], trusting);
    assert.equal(added.code, 0, added.stdout + added.stderr);
    const { gitUrl } = JSON.parse(added.stdout) as { gitUrl: string };
    assert.equal(gitUrl, `${api}/git/docs.git`);
    assert.equal((await run(launcher, ['site', 'list', ...args], { env })).code, 4, 'a stranger to the CLI');

    await author.write('index.html', 'over TLS');
    await author.commit();
    const url = gitUrl.replace('://', `://author:${adminToken}@`);
    assert.notEqual((await author.push(url, ['-o', 'nowait'])).code, 0, 'a stranger to git');
    await author.git('config', 'http.sslCAInfo', ca);
    const pushed = await author.push(url, ['-o', 'nowait']);
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.match(await author.git('ls-remote', url), /refs\/heads\/main/);
  } finally {
    ccm.kill('SIGTERM');
    await exited;
    await author.remove();
  }
});

test('a certificate that is missing, or whose key is another’s, is refused at start with the reason', async () => {
  const { certificate } = await authority.issueServerIdentity(['127.0.0.1']);
  const { key } = await authority.issueServerIdentity(['127.0.0.1']);
  await configure({ certificate, key });
  const start = async () => {
    const { stdout } = await run(launcher, ['ccm', 'run', '--dir', ccmDirectory, '--json'], { env });
    return (JSON.parse(stdout) as { error: { code: string; message: string } }).error;
  };
  const other = await start();
  assert.equal(other.code, 'INVALID_CONFIGURATION');
  assert.match(other.message, /certificate or key of the public port/);
  await rm(join(ccmDirectory, 'public.pem'));
  const missing = await start();
  assert.match(
    missing.message,
    /tls\.certificate of the public port: .*public\.pem cannot be read \(ENOENT\)/,
  );
});
