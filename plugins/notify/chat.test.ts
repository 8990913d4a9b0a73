// N50: one chat message for a job, updated as it goes on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PluginError } from 'treecast/plugin';
import { chatText } from './chat-text.ts';
import { type ChatService, startChatService } from './testing/chat-service.ts';
import { notifyEvent, type StartedNotify, startNotify } from './testing/start-notify.ts';

const token = 'token-of-tests';
const channel = { id: 'C0123456789', name: '#publishing' };

async function withChat(
  use: (chat: ChatService, started: StartedNotify) => Promise<void>,
  over: Record<string, unknown> = {},
): Promise<void> {
  const chat = await startChatService({ token, channel });
  const started = await startNotify((secret) => [
    { chat: { api: `${chat.url}/api`, channel: channel.name, token: secret(token), ...over } },
  ]);
  try {
    await use(chat, started);
  } finally {
    await chat.close();
    await started.close();
  }
}

const failsWith = (pattern: RegExp, retryable: boolean) => (error: unknown) => {
  assert.ok(error instanceof PluginError, String(error));
  assert.match(error.message, pattern);
  assert.equal(error.retryable, retryable);
  return true;
};

test('the message of a job is posted once and updated, also after a restart; another job has its own', () =>
  withChat(
    async (chat, started) => {
      await started.tell(notifyEvent({ phase: 'started' }));
      await started.tell(notifyEvent({ phase: 'started', job: 'j2', site: 'shop' }));
      await started.restart();
      await started.tell(
        notifyEvent({ phase: 'failed', nodes: { total: 3, live: 1, failed: ['web-2', 'web-3'] } }),
      );
      assert.deepEqual(
        [...chat.messages.values()],
        [
          '❌ *docs*: publish 1-0042 failed <https://ccm.example.org/docs/1-0042|Details>\ndocs failed\nFailed: web-2, web-3\nby ann@example.org · commit ccccccccccc… · 1 of 3 nodes live · 4.2 s',
          '⏳ *shop*: publish 1-0042 started <https://ccm.example.org/shop/1-0042|Details>\ndocs started\nby ann@example.org · commit ccccccccccc… · 0 of 3 nodes live',
        ],
      );
    },
    { targetUrl: 'https://ccm.example.org/{site}/{release}' },
  ));

test('a message that was deleted is posted anew; when its state file was lost too', () =>
  withChat(async (chat, started) => {
    await started.tell(notifyEvent({ phase: 'started' }));
    chat.messages.clear();
    await started.tell(notifyEvent({ phase: 'live' }));
    assert.equal(chat.messages.size, 1);
    assert.match([...chat.messages.values()][0] ?? '', /live/);
  }));

test('a `started` that comes late does not overwrite how the job ended', () =>
  withChat(async (chat, started) => {
    await started.tell(notifyEvent({ phase: 'live' }));
    await started.tell(notifyEvent({ phase: 'started' }));
    assert.equal(chat.requests.length, 1);
    assert.match([...chat.messages.values()][0] ?? '', /live/);
  }));

test('ok: false is a failure: passing ones stay owed, others are told for good', async () => {
  await withChat(async (chat, started) => {
    chat.first.push({ status: 200, body: { ok: false, error: 'ratelimited' } });
    await assert.rejects(started.tell(notifyEvent()), failsWith(/the chat refused: ratelimited/, true));
    chat.first.push({
      status: 429,
      headers: { 'retry-after': '0' },
      body: { ok: false, error: 'ratelimited' },
    });
    await started.tell(notifyEvent());
    assert.equal(chat.messages.size, 1);
    chat.first.push({ status: 200, body: '<html>' });
    await assert.rejects(
      started.tell(notifyEvent({ job: 'j3' })),
      failsWith(/no Slack-compatible service/, false),
    );
  });
  await withChat(
    async (_, started) => assert.rejects(started.tell(notifyEvent()), failsWith(/channel_not_found/, false)),
    { channel: '#elsewhere' },
  );
  process.env['TREECAST_TEST_WRONG_CHAT_TOKEN'] = 'wrong-token';
  await withChat(
    async (_, started) => assert.rejects(started.tell(notifyEvent()), failsWith(/invalid_auth/, false)),
    { token: { env: 'TREECAST_TEST_WRONG_CHAT_TOKEN' } },
  );
});

test('names and texts call nobody and make no link', () =>
  withChat(async (chat, started) => {
    const evil = '<!channel> <@U123|x> & <https://evil.example|docs>';
    await started.tell(
      notifyEvent({
        text: evil,
        requestedBy: evil,
        site: evil,
        nodes: { total: 1, live: 0, failed: [evil] },
      }),
    );
    assert.deepEqual(chat.mentions, []);
    assert.equal(chat.messages.size, 1);
    assert.doesNotMatch([...chat.messages.values()][0] ?? '', /<(?!https:\/\/ccm)/);
  }));

test('an incoming webhook gets one message, when the job has ended; its URL is told to nobody', async () => {
  const chat = await startChatService({ token, channel });
  const started = await startNotify((secret) => [{ chatWebhook: { url: secret(chat.webhookUrl) } }]);
  await started.tell(notifyEvent({ phase: 'started' }));
  await started.tell(notifyEvent({ phase: 'live' }));
  assert.equal(chat.messages.size, 1);
  chat.first.push({ status: 404, body: 'no_service' });
  await assert.rejects(
    started.tell(notifyEvent({ job: 'j2' })),
    failsWith(/refused with 404: no_service/, false),
  );
  await chat.breakIt();
  await assert.rejects(started.tell(notifyEvent({ job: 'j3' })), (error: Error) => {
    assert.doesNotMatch(error.message, /sEcReT|T0000/);
    return failsWith(/nothing listens there/, true)(error);
  });
  await started.close();
});

test('whatever an event holds, the blocks are of a size that Slack takes', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 5000 });
  fc.assert(
    fc.property(text, text, fc.array(text, { maxLength: 50 }), (line, name, failed) => {
      const event = notifyEvent({ text: line, requestedBy: name, nodes: { total: 50, live: 0, failed } });
      const { text: whole, blocks } = chatText(event, undefined);
      assert.ok(whole.length < 40_000);
      assert.doesNotMatch(whole, /[<>]/);
      const [section] = blocks as { text: { text: string } }[];
      assert.ok((section?.text.text.length ?? 0) <= 3000);
    }),
    { numRuns: 50 },
  );
});
