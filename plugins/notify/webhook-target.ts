// A signed JSON event to any receiver. The id is the same however often an event is sent, so that receivers can drop repetitions.

import { createHash } from 'node:crypto';
import type { NotifyEvent } from 'treecast/plugin';
import type { Phase, WebhookConfig } from './notify-config.ts';
import type { NotifyTarget } from './notify-target.ts';
import { isFine, postJson, refusal } from './post-json.ts';
import { signingKey, webhookSignature } from './sign-webhook.ts';

export function createWebhookTarget(config: WebhookConfig, on: readonly Phase[]): NotifyTarget {
  const { origin } = new URL(config.url);
  const keys = [config.secret, config.formerSecret]
    .map((given) => (given === undefined ? undefined : signingKey(given.reveal())))
    .filter((key) => key !== undefined);
  return {
    title: `webhook at ${origin}`,
    key: `webhook ${createHash('sha256').update(config.url).digest('hex')}`,
    wants: (phase) => on.includes(phase),
    async tell(event, _, signal) {
      const id = webhookId(event);
      const timestampS = Math.floor(Date.now() / 1000);
      const body = JSON.stringify(webhookBody(event));
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(timestampS),
        'webhook-signature': webhookSignature(keys, { id, timestampS, body }),
      };
      const answer = await postJson(config.url, body, { headers, signal });
      if (isFine(answer)) return undefined;
      throw refusal(
        'the receiver',
        answer,
        'Look at the receiver’s log; 401 or 403: is the secret the same?',
      );
    },
  };
}

export function webhookId({ site, job, phase }: NotifyEvent): string {
  return `msg_${createHash('sha256').update([site, job, phase].join('\0')).digest('base64url').slice(0, 32)}`;
}

function webhookBody(event: NotifyEvent): unknown {
  const { site, job, type, phase, commit, release, requestedBy, nodes, text, at, durationMs } = event;
  return {
    type: `${type}.${phase}`,
    timestamp: new Date(at).toISOString(),
    data: { site, job, phase, commit, release, requestedBy, nodes, text, durationMs },
  };
}
