// When a node looks after its certificate. Renewals are tested with a real CCM (test/e2e/key-rotation.test.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createCcmTime } from '../../net/ccm-time.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { silentLog } from '../session/agent-log.ts';
import { createReleaseKeys } from '../session/release-keys.ts';
import { createNodeCredentials } from './node-credentials.ts';

test('KEYS-3 an agent that is closed during a check of its certificate waits for no further one', async (t) => {
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
    onChanged: () => undefined,
  });
  assert.deepEqual(clock.waiting(), [3_600_000]);
  clock.advance(3_600_000);
  await setImmediate();
  assert.deepEqual(clock.waiting(), [3_600_000], 'the next one');
  clock.advance(3_600_000);
  await credentials.close();
  await setImmediate();
  assert.deepEqual(clock.waiting(), []);
});
