// Tells webhooks, Git hosts and chats how a job goes. Each target is told each phase once; one that fails is tried again without
// telling the others twice. Nothing here can fail a publish.

import { definePlugin, type HookCall, type NotifyEvent, PluginError } from 'treecast/plugin';
import { createChatTarget, createChatWebhookTarget } from './chat-target.ts';
import { createCommitStatusTarget } from './commit-status-target.ts';
import { finalPhases, notifyConfigSchema, type Phase, type TargetConfig } from './notify-config.ts';
import type { NotifyTarget } from './notify-target.ts';
import { openToldPhases, type ToldPhases } from './told-phases.ts';
import { createWebhookTarget } from './webhook-target.ts';

export const notify = definePlugin({
  name: 'notify',
  summary: 'tells webhooks, Git hosts and chats how jobs go',
  places: ['ccm', 'gl'],
  configSchema: notifyConfigSchema,
  async setup({ config, log, stateDirectory }) {
    const targets = config.targets.map(createTarget);
    const told = await openToldPhases(stateDirectory, log);
    return {
      hooks: {
        async notify(event, call) {
          const wanting = targets.filter((target) => target.wants(event.phase));
          const outcomes = await Promise.all(wanting.map((target) => tell(target, event, call, told)));
          const failures = outcomes.filter((outcome) => outcome instanceof Failure);
          if (failures.length > 0) throw await failed(failures, event, told);
          const count = outcomes.filter((outcome) => outcome === 'told').length;
          return { note: `${count} of ${wanting.length} told of ${event.phase}` };
        },
      },
    };
  },
});

function createTarget({ webhook, commitStatus, chat, chatWebhook, on }: TargetConfig): NotifyTarget {
  const all: readonly Phase[] = on ?? ['started', ...finalPhases];
  if (webhook !== undefined) return createWebhookTarget(webhook, all);
  if (commitStatus !== undefined) return createCommitStatusTarget(commitStatus, all);
  if (chat !== undefined) return createChatTarget(chat, all);
  if (chatWebhook !== undefined) return createChatWebhookTarget(chatWebhook, on ?? finalPhases);
  throw new PluginError('a target is of no kind', { fix: 'Name what it is in the configuration.' });
}

class Failure {
  readonly target: NotifyTarget;
  readonly error: PluginError;

  constructor(target: NotifyTarget, error: PluginError) {
    this.target = target;
    this.error = error;
  }
}

async function tell(
  target: NotifyTarget,
  event: NotifyEvent,
  { signal, log }: HookCall,
  told: ToldPhases,
): Promise<'told' | 'known' | Failure> {
  const { site, job, phase } = event;
  const teller = { target: target.key, site, job };
  const before = told.of(teller);
  // A `started` that was late to succeed must not overwrite how the job ended.
  if (before?.phase === phase || (phase === 'started' && before !== undefined)) return 'known';
  try {
    const place = await target.tell(event, before?.place, signal);
    await told.remember(teller, { phase, place }).catch((error: unknown) => {
      // It was told; only a restart of the CCM would tell it twice.
      log.warn({ target: target.title, err: error }, 'what was told cannot be written down');
    });
    return 'told';
  } catch (error) {
    if (error instanceof PluginError) return new Failure(target, error);
    throw error;
  }
}

async function failed(
  failures: readonly Failure[],
  { site, job, phase }: NotifyEvent,
  told: ToldPhases,
): Promise<PluginError> {
  const retryable = failures.some(({ error }) => error.retryable);
  // The whole hook is called again: who refused for good is not asked again then.
  if (retryable)
    for (const { target, error } of failures) {
      const teller = { target: target.key, site, job };
      if (!error.retryable) await told.remember(teller, { phase, place: told.of(teller)?.place });
    }
  const texts = failures.map(({ target, error }) => `${target.title}: ${error.message}`);
  const fixes = new Set(failures.map(({ error }) => error.fix).filter((fix) => fix !== undefined));
  return new PluginError(texts.join('; '), { retryable, fix: [...fixes].join(' ') });
}
