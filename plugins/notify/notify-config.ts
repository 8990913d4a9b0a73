// Who hears of a job, and of which of its phases, as an operator writes it.

import { type NotifyEvent, secret, z } from 'treecast/plugin';
import { signingKey } from './sign-webhook.ts';

export type Phase = NotifyEvent['phase'];
const phases = ['started', 'live', 'failed', 'superseded', 'aborted'] as const satisfies readonly Phase[];
export const finalPhases = ['live', 'failed', 'superseded', 'aborted'] as const satisfies readonly Phase[];

const webUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .max(2000)
  .refine((url) => !URL.canParse(url) || new URL(url).username === '', 'must hold no user and password');
const api = webUrl.transform((url) => url.replace(/\/+$/, ''));

/** `{site}` and the like are filled in, URL-encoded. */
const targetUrl = webUrl
  .refine(
    (url) => !/\{(?!(?:site|job|release|commit)\})/.test(url),
    'knows {site}, {job}, {release} and {commit} alone',
  )
  .optional()
  .describe('Where a person finds more; `{site}`, `{job}`, `{release}` and `{commit}` are filled in.');

const signingSecret = (): ReturnType<typeof secret> =>
  secret().refine((value) => signingKey(value.reveal()) !== undefined, {
    error: 'is no `whsec_` with base64, or has fewer than 24 bytes; make one with: openssl rand -base64 32',
  });

const webhook = z.strictObject({
  url: webUrl.describe('Where each event is posted as JSON.'),
  secret: signingSecret().describe(
    'What it is signed with (Standard Webhooks): `whsec_…` with base64, or any text of 24 characters and more.',
  ),
  formerSecret: signingSecret()
    .optional()
    .describe('While secrets are changed: each event is signed with this one too.'),
});

const commitStatus = z
  .strictObject({
    host: z.enum(['github', 'gitlab', 'gitea', 'forgejo']).describe('Which kind of Git host.'),
    api: api
      .optional()
      .describe(
        'Its API, such as https://git.example.org/api/v1. Default: that of github.com or gitlab.com.',
      ),
    repository: z
      .string()
      .max(300)
      .regex(/^[\w.-]+(?:\/[\w.-]+)+$|^\d+$/, 'must be owner/name (GitLab: group/…/name or a number)')
      .describe('`owner/name`; on GitLab also `group/subgroup/name` or the project’s number.'),
    token: secret().describe('A token that may set commit statuses.'),
    context: z
      .string()
      .min(1)
      .max(100)
      .default('treecast/{site}')
      .describe('The status’s name; `{site}` is filled in.'),
    targetUrl,
  })
  .superRefine(({ host, api: given, repository }, context) => {
    if (given === undefined && (host === 'gitea' || host === 'forgejo'))
      context.addIssue({ code: 'custom', path: ['api'], message: `${host} has no default: name the URL` });
    if (host !== 'gitlab' && !/^[^/]+\/[^/]+$/.test(repository))
      context.addIssue({ code: 'custom', path: ['repository'], message: 'must be owner/name' });
  });

const chat = z.strictObject({
  api: api
    .default('https://slack.com/api')
    .describe('The API of Slack, or of a service that speaks like it.'),
  channel: z.string().min(1).max(100).describe('The channel’s id (C0123456789) or name.'),
  token: secret().describe('A bot token that may write there (`chat:write`).'),
  targetUrl,
});

const chatWebhook = z.strictObject({
  url: secret()
    .refine((value) => /^https?:$/.test(URL.parse(value.reveal())?.protocol ?? ''), {
      error: 'must be the whole http or https URL of the incoming webhook',
    })
    .describe('An incoming webhook’s URL, which is a secret itself.'),
  targetUrl,
});

const kinds = ['webhook', 'commitStatus', 'chat', 'chatWebhook'] as const;

const target = z
  .strictObject({
    webhook: webhook.optional().describe('A signed JSON event.'),
    commitStatus: commitStatus.optional().describe('A status at the commit.'),
    chat: chat.optional().describe('One message for a job, which is updated.'),
    chatWebhook: chatWebhook.optional().describe('One message when a job has ended.'),
    on: z
      .array(z.enum(phases))
      .min(1)
      .max(phases.length)
      .optional()
      .describe('The phases it hears of. Default: all; `chatWebhook`: all but `started`.'),
  })
  .superRefine((one, context) => {
    if (kinds.filter((kind) => one[kind] !== undefined).length !== 1)
      context.addIssue({ code: 'custom', message: `needs one of ${kinds.join(', ')}` });
    if (one.chatWebhook !== undefined && one.on?.includes('started'))
      context.addIssue({
        code: 'custom',
        path: ['on'],
        message: 'a message by webhook cannot be updated: it is sent once, when the job has ended',
      });
  });

export const notifyConfigSchema = z.strictObject({
  targets: z.array(target).min(1).max(50).describe('Who hears; they are told side by side.'),
});

export type NotifyConfig = z.output<typeof notifyConfigSchema>;
export type TargetConfig = z.output<typeof target>;
export type WebhookConfig = z.output<typeof webhook>;
export type CommitStatusConfig = z.output<typeof commitStatus>;
export type ChatConfig = z.output<typeof chat>;
export type ChatWebhookConfig = z.output<typeof chatWebhook>;
