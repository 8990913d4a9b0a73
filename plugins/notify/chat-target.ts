// One message for a job in a Slack-compatible chat, updated as the job goes on; or, by an incoming webhook, one when it has ended.

import { createHash } from 'node:crypto';
import { PluginError, type RequestAnswer, z } from 'treecast/plugin';
import { chatText } from './chat-text.ts';
import type { ChatConfig, ChatWebhookConfig, Phase } from './notify-config.ts';
import type { MessagePlace, NotifyTarget } from './notify-target.ts';
import { isFine, postJson, refusal } from './post-json.ts';

const answerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), channel: z.string().max(100), ts: z.string().max(100) }),
  z.object({ ok: z.literal(false), error: z.string().max(200) }),
]);
type Answer = z.output<typeof answerSchema>;

/** The message went away, or may be changed no more: a new one says it. */
const lostMessage = ['message_not_found', 'cant_update_message', 'edit_window_closed'];
const passing = [
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
];

export function createChatTarget(config: ChatConfig, on: readonly Phase[]): NotifyTarget {
  const { api, channel, token, targetUrl } = config;
  const call = async (method: string, body: unknown, signal: AbortSignal): Promise<Answer> => {
    const headers = { authorization: `Bearer ${token.reveal()}` };
    const answer = await postJson(`${api}/${method}`, body, { headers, signal });
    if (!isFine(answer)) throw refusal('the chat', answer, 'Check `api` and `token`.');
    return parsed(answer);
  };
  return {
    title: `chat ${channel}`,
    key: `chat ${api} ${channel}`,
    wants: (phase) => on.includes(phase),
    async tell(event, place, signal): Promise<MessagePlace> {
      const message = { ...chatText(event, targetUrl), unfurl_links: false, unfurl_media: false };
      if (place !== undefined) {
        const updated = await call('chat.update', { ...message, ...place }, signal);
        if (updated.ok) return place;
        if (!lostMessage.includes(updated.error)) throw chatError(updated.error, channel);
      }
      const posted = await call('chat.postMessage', { ...message, channel }, signal);
      if (!posted.ok) throw chatError(posted.error, channel);
      return { channel: posted.channel, ts: posted.ts };
    },
  };
}

function parsed({ text }: RequestAnswer): Answer {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new PluginError('the chat answered something that no Slack-compatible service answers', {
      cause,
      fix: 'Check `api`: it is the URL before `/chat.postMessage`.',
      retryable: false,
    });
  }
}

function chatError(error: string, channel: string): PluginError {
  const retryable = passing.includes(error);
  return new PluginError(`the chat refused: ${error}`, {
    retryable,
    fix: retryable
      ? 'It is tried again later.'
      : /channel/.test(error)
        ? `Invite the bot to ${channel}, or correct the channel.`
        : 'Check the token and its rights (`chat:write`).',
  });
}

export function createChatWebhookTarget(config: ChatWebhookConfig, on: readonly Phase[]): NotifyTarget {
  const url = config.url.reveal();
  const { host } = new URL(url);
  return {
    title: `chat webhook at ${host}`,
    key: `chat-webhook ${createHash('sha256').update(url).digest('hex')}`,
    wants: (phase) => on.includes(phase),
    async tell(event, _, signal) {
      const answer = await postJson(url, chatText(event, config.targetUrl), { signal, secretPath: true });
      if (isFine(answer)) return undefined;
      throw refusal(
        'the chat’s webhook',
        answer,
        'Make a new incoming webhook, and put its URL into the secret.',
      );
    },
  };
}
