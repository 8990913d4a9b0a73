// When a node looks after its certificate. Renewals are tested with a real CCM (test/e2e/key-rotation.test.ts).

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createCcmTime } from '../../net/ccm-time.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { until } from '../../plugins/testing/until.ts';
import { silentLog } from '../session/agent-log.ts';
import { createReleaseKeys } from '../session/release-keys.ts';
import { createNodeCredentials } from './node-credentials.ts';

const hourMs = 3_600_000;

/** Its CCM answers nothing. */
async function openCredentials(t: TestContext) {
  const clock = createManualClock();
  const authority = await createCertificateAuthority(temporaryDirectory(t), { now: clock.now });
  const { identity, key } = await issueNodeCredentials(authority, 'web-1');
  const ccmUrl = 'https://127.0.0.1:1';
  const credentials = createNodeCredentials({
    directory: temporaryDirectory(t),
    opened: {
      identity: {
        version: 1,
        name: 'web-1',
        ccmUrl,
        certificate: identity.certificate,
        ca: authority.certificate,
        joinedAt: '2026-01-01T00:00:00Z',
        joinSecretHash: '',
      },
      key,
    },
    ccmUrl,
    releaseKeys: createReleaseKeys([]),
    ccmTime: createCcmTime(clock),
    clock,
    log: silentLog,
    random: () => 0.999,
    onChanged: () => undefined,
  });
  return { clock, credentials, expiresAt: Date.parse(new X509Certificate(identity.certificate).validTo) };
}

test('KEYS-3 an agent that is closed during a check of its certificate waits for no further one', async (t) => {
  const { clock, credentials } = await openCredentials(t);
  assert.deepEqual(clock.waiting(), [hourMs]);
  clock.advance(hourMs);
  await setImmediate();
  assert.deepEqual(clock.waiting(), [hourMs], 'the next one');
  clock.advance(hourMs);
  await credentials.close();
  await setImmediate();
  assert.deepEqual(clock.waiting(), []);
});

test('KEYS-3 a renewal that failed does not wait for the next hour: it is tried again after a second, two, four …', async (t) => {
  const { clock, credentials, expiresAt } = await openCredentials(t);
  // Past a check, so that the next one is not due meanwhile.
  clock.advance(Math.ceil((expiresAt - clock.now() - 1_000_000) / hourMs) * hourMs - 1_800_000);
  await setImmediate();
  await credentials.check();
  for (const waitMs of [1_000, 2_000, 4_000]) {
    await until('the next try waits', () => clock.waiting().length === 2);
    assert.ok(Math.abs(Math.min(...clock.waiting()) - waitMs) < 10, `${clock.waiting()}`);
    clock.advance(waitMs);
    await credentials.check();
  }
  await credentials.close();
  assert.deepEqual(clock.waiting(), []);
});
