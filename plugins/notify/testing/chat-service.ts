// A stand-in for Slack: chat.postMessage and chat.update with their errors as `ok: false`, and incoming webhooks that answer in words.
// It reads its own markup, so that a mention that slipped in is seen.

import {
  jsonBody,
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandIn,
} from 'treecast/plugin/testing';

export interface ChatService extends StandInServer {
  /** In the order of posting; text by ts. */
  readonly messages: Map<string, string>;
  /** Whoever was called by `<!channel>`, `<@U…>` and the like. */
  readonly mentions: string[];
  readonly webhookUrl: string;
}

export interface ChatServiceOptions {
  readonly token: string;
  readonly channel: { readonly id: string; readonly name: string };
}

const webhookPath = '/services/T0000/B0000/sEcReTpAtH';

export async function startChatService(options: ChatServiceOptions): Promise<ChatService> {
  const messages = new Map<string, string>();
  const mentions: string[] = [];
  const standIn = await startStandIn((request) => answer(request, options, messages, mentions));
  return { ...standIn, messages, mentions, webhookUrl: standIn.url + webhookPath };
}

function answer(
  request: StandInRequest,
  { token, channel }: ChatServiceOptions,
  messages: Map<string, string>,
  mentions: string[],
): StandInAnswer {
  const { path, headers, method } = request;
  const refuse = (error: string): StandInAnswer => ({ status: 200, body: { ok: false, error } });
  const body = jsonBody(request);
  if (path.startsWith('/services/')) {
    if (path !== webhookPath) return { status: 404, body: 'no_service' };
    const problem = body === undefined ? 'invalid_payload' : contentProblem(body);
    if (problem !== undefined || body === undefined) return { status: 400, body: problem };
    post(body, messages, mentions);
    return { status: 200, body: 'ok' };
  }
  if (method !== 'POST' || !/^\/api\/chat\.(?:postMessage|update)$/.test(path))
    return refuse('unknown_method');
  if (!/^application\/json; charset=utf-8$/.test(headers['content-type'] ?? ''))
    return refuse('missing_charset');
  if (headers.authorization === undefined) return refuse('not_authed');
  if (headers.authorization !== `Bearer ${token}`) return refuse('invalid_auth');
  if (body === undefined) return refuse('invalid_json');
  const problem = contentProblem(body);
  if (problem !== undefined) return refuse(problem);
  if (path.endsWith('update')) {
    // A name is enough to post, but not to update.
    if (body['channel'] !== channel.id) return refuse('channel_not_found');
    const ts = String(body['ts']);
    if (!messages.has(ts)) return refuse('message_not_found');
    messages.set(ts, String(body['text']));
    see(body, mentions);
    return { status: 200, body: { ok: true, channel: channel.id, ts, text: body['text'] } };
  }
  if (body['channel'] !== channel.id && body['channel'] !== channel.name) return refuse('channel_not_found');
  const ts = post(body, messages, mentions);
  return { status: 200, body: { ok: true, channel: channel.id, ts, message: { text: body['text'] } } };
}

function post(body: Record<string, unknown>, messages: Map<string, string>, mentions: string[]): string {
  const ts = `1700000000.${String(messages.size + 1).padStart(6, '0')}`;
  messages.set(ts, String(body['text']));
  see(body, mentions);
  return ts;
}

function see(body: Record<string, unknown>, mentions: string[]): void {
  for (const [mention] of JSON.stringify(body).matchAll(/<[!@#][^>]*>/g)) mentions.push(mention);
}

function contentProblem({ text, blocks }: Record<string, unknown>): string | undefined {
  if (typeof text !== 'string' || text === '') return 'no_text';
  if (text.length > 40_000) return 'msg_too_long';
  const tooLong = [blocks ?? []].flat().some((block: unknown) => {
    const inner = (block as { readonly text?: { readonly text?: string } }).text?.text;
    return inner !== undefined && (inner.length > 3000 || inner === '');
  });
  return tooLong ? 'invalid_blocks' : undefined;
}
