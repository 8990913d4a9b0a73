import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PluginError } from 'treecast/plugin';
import { signingKey, webhookSignature } from './sign-webhook.ts';
import { notifyEvent, startNotify } from './testing/start-notify.ts';
import { startWebhookReceiver, type WebhookReceiver } from './testing/webhook-receiver.ts';

const key = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

async function withReceiver(use: (receiver: WebhookReceiver) => Promise<void>): Promise<void> {
  const receiver = await startWebhookReceiver(key);
  try {
    await use(receiver);
  } finally {
    await receiver.close();
  }
}

test('the signature is the one of the Standard Webhooks specification', () => {
  // The example of the specification's libraries.
  const body = '{"test": 2432232314}';
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
  const keys = [signingKey(key)].filter((one) => one !== undefined);
  assert.equal(
    webhookSignature(keys, { id, timestampS: 1_614_265_330, body }),
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  );
});

test('a secret is base64 after whsec_, or a text; short ones are refused', () => {
  assert.equal(signingKey(key)?.length, 24);
  assert.equal(signingKey('a text of twenty-four ch')?.toString(), 'a text of twenty-four ch');
  assert.equal(signingKey('whsec_MfKQ9r8G'), undefined);
  assert.equal(signingKey('whsec_not base64 but long enough for one'), undefined);
  assert.equal(signingKey(''), undefined);
});

test('an event is signed JSON whose id is the same however often it is sent', () =>
  withReceiver(async (receiver) => {
    const started = await startNotify((secret) => [
      { webhook: { url: `${receiver.url}/hook`, secret: secret(key) } },
    ]);
    receiver.first.push({ status: 503 });
    await started.tell(notifyEvent());
    assert.equal(receiver.requests.length, 2);
    const [first, second] = receiver.requests.map(({ headers }) => headers['webhook-id']);
    assert.match(String(first), /^msg_[\w-]{32}$/);
    assert.equal(first, second);
    assert.deepEqual(
      [...receiver.received.values()],
      [
        {
          type: 'publish.live',
          timestamp: '2023-11-14T22:13:20.000Z',
          data: {
            site: 'docs',
            job: 'j0000000001',
            phase: 'live',
            commit: 'c'.repeat(40),
            release: '1-0042',
            requestedBy: 'ann@example.org',
            nodes: { total: 3, live: 3, failed: [] },
            text: 'docs live',
            durationMs: 4200,
          },
        },
      ],
    );
    await started.tell(notifyEvent({ job: 'j0000000002' }));
    assert.equal(receiver.received.size, 2);
    await started.close();
  }));

test('while secrets are changed, receivers with the old and with the new one both accept', () =>
  withReceiver(async (receiver) => {
    const started = await startNotify((secret) => [
      {
        webhook: {
          url: receiver.url,
          secret: secret('the new secret of this webhook'),
          formerSecret: secret(key),
        },
      },
    ]);
    await started.tell(notifyEvent());
    assert.equal(receiver.received.size, 1);
    await started.close();
  }));

test('a receiver with another secret refuses, and trying again is said not to help', () =>
  withReceiver(async (receiver) => {
    const started = await startNotify((secret) => [
      { webhook: { url: receiver.url, secret: secret('another secret of this webhook') } },
    ]);
    await assert.rejects(started.tell(notifyEvent()), (error: unknown) => {
      assert.ok(error instanceof PluginError && !error.retryable);
      assert.match(error.message, /the receiver refused with 401: No matching signature found/);
      return true;
    });
    assert.equal(receiver.requests.length, 1);
    await started.close();
  }));
