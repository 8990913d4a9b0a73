// `doctor network`: what it finds on this machine's own interface, of a node that has joined, is running, or has not joined.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { unassignedSegment } from '../../model/segment.ts';
import { startNode } from '../../net/segment/testing/start-node.ts';
import { lockStateDirectory } from '../../net/state-lock.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { until } from '../../plugins/testing/until.ts';
import { writeAgentConfiguration } from '../configuration/agent-configuration.ts';
import { networkFindings } from './network-findings.ts';

const group = `239.255.${randomBytes(1)[0]}.${(randomBytes(1)[0] as number) || 1}`;
/** Each try takes two seconds. */
const untilMs = 40_000;
const port = 20_000 + (randomBytes(2).readUInt16BE() % 10_000);
const of = (findings: Awaited<ReturnType<typeof networkFindings>>, name: string) =>
  findings.find((finding) => finding.name === name);

test('N14 N72: doctor network names the interface, the group, the ports, the way to the CCM, and what others answer', async (t) => {
  const directory = temporaryDirectory(t);
  const ccm = createServer().listen(0, '127.0.0.1');
  await once(ccm, 'listening');
  t.after(() => ccm.close());
  const ccmUrl = `https://127.0.0.1:${(ccm.address() as AddressInfo).port}`;
  const authority = await createCertificateAuthority(join(directory, 'ca'));
  const { identity } = await issueNodeCredentials(authority, 'web-1');
  mkdirSync(join(directory, 'identity'), { mode: 0o700 });
  writeFileSync(join(directory, 'identity', 'key.pem'), identity.key, { mode: 0o600 });
  const node = {
    version: 1,
    name: 'web-1',
    ccmUrl,
    certificate: identity.certificate,
    ca: authority.certificate,
    joinedAt: '2026-11-28T00:00:00Z',
    joinSecretHash: '0'.repeat(64),
  };
  writeFileSync(join(directory, 'identity', 'node.json'), JSON.stringify(node), { mode: 0o600 });
  await writeAgentConfiguration(directory, { segment: { group, port } });

  const alone = await networkFindings(directory);
  assert.deepEqual(
    alone.map(({ name, outcome }) => [name, outcome]),
    [
      ['interface', 'ok'],
      ['multicast', 'ok'],
      ['ports', 'ok'],
      ['ccm', 'ok'],
      ['others', 'warn'],
    ],
  );
  assert.match(of(alone, 'interface')?.message ?? '', /^lo \(127\.0\.0\.1\): the CCM is reached over it/);
  assert.match(of(alone, 'ports')?.message ?? '', new RegExp(`UDP ${port} .*${port + 1} to ${port + 8}`));

  const other = await startNode({
    credentials: await issueNodeCredentials(authority, 'web-2'),
    authorities: authority.certificate,
    place: { transport: 'multicast', group, port },
    segment: unassignedSegment,
    wanted: 'lo',
  });
  t.after(() => other.driver.close());
  // On a machine that is very busy probes are answered before they were all read.
  let answered = of(await networkFindings(directory), 'others');
  await until(
    () => `the other one answers: ${answered?.message}`,
    async () => {
      if (/1472 bytes get through/.test(answered?.message ?? '')) return true;
      answered = of(await networkFindings(directory), 'others');
      return false;
    },
    untilMs,
  );
  assert.equal(answered?.outcome, 'ok', answered?.message);
  assert.match(
    answered?.message ?? '',
    /^Multicast works on lo .*: 1 of 1 nodes.* 1472 bytes get through\.$/,
  );

  const said: string[] = [];
  const throughput = { bytesPerSecondMax: 500_000, say: (line: string) => said.push(line) };
  let measured: Awaited<ReturnType<typeof networkFindings>> = [];
  // Nor is anything measured where the self-test found no multicast for that.
  await until(
    'it was measured',
    async () => {
      measured = await networkFindings(directory, { throughput });
      return of(measured, 'buffers') !== undefined;
    },
    untilMs,
  );
  assert.match(said.join('\n'), /^Sending bursts .* to 239\.255\.84\.16 port 17460 on lo: at most 4 Mbit\/s/);
  assert.ok(of(measured, 'drops'));
  assert.match(of(measured, 'throughput')?.message ?? '', /Mbit\/s|answered/);

  const before = said.length;
  const lock = lockStateDirectory(directory, 'treecast agent run');
  const whileItRuns = of(await networkFindings(directory, { throughput }), 'throughput');
  assert.match(whileItRuns?.fix ?? '', /Stop the agent/);
  assert.equal(said.length, before, 'nothing was sent');
  assert.match(of(await networkFindings(directory), 'others')?.message ?? '', /treecast node show web-1$/);
  lock.release();

  const wrong = await networkFindings(directory, { wanted: 'eth99' });
  assert.equal(wrong[0]?.outcome, 'fail');
  assert.match(wrong[0]?.fix ?? '', /--interface/);
});

test('N72: before a node has joined, doctor network looks at what is there', async (t) => {
  const findings = await networkFindings(join(temporaryDirectory(t), 'nothing'), { wanted: 'lo' });
  assert.deepEqual(
    findings.map(({ name }) => name),
    ['interface', 'multicast', 'ports', 'others'],
  );
  assert.match(of(findings, 'others')?.message ?? '', /has not joined/);
});
