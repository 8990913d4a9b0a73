import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretFile, testPluginConformance } from 'treecast/plugin/testing';
import { notify } from './notify.ts';
import { startChatService } from './testing/chat-service.ts';
import { startGitHost } from './testing/git-host.ts';
import { notifyEvent } from './testing/start-notify.ts';
import { startWebhookReceiver } from './testing/webhook-receiver.ts';

const key = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const channel = { id: 'C0123456789', name: '#publishing' };

testPluginConformance(notify, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-notify-secrets-'));
  const secret = (value: string) => secretFile(directory, value);
  const token = secret('token-of-tests');
  const webhook = await startWebhookReceiver(key);
  const hosts = { repository: 'acme/docs', token: 'token-of-tests', commits: ['c'.repeat(40)] };
  const github = await startGitHost({ kind: 'github', ...hosts });
  const chat = await startChatService({ token: 'token-of-tests', channel });
  const services = [webhook, github, chat];
  return {
    config: {
      targets: [
        { webhook: { url: `${webhook.url}/hook`, secret: secret(key) } },
        { commitStatus: { host: 'github', api: github.url, repository: 'acme/docs', token } },
        { chat: { api: `${chat.url}/api`, channel: channel.name, token } },
        { chatWebhook: { url: secret(chat.webhookUrl) } },
      ],
    },
    wrong: [
      {
        config: {
          targets: [
            { webhook: { url: 'not a URL', secret: secret('short') } },
            { commitStatus: { host: 'gitea', repository: 'docs', token: { env: 'NO_SUCH_TOKEN_HERE' } } },
            { chatWebhook: { url: secret('hooks.slack.com/x') }, on: ['started'] },
            { on: ['deployed'] },
          ],
        },
        problems: [
          /targets\.0\.webhook\.url: must be an http or https URL/,
          /targets\.0\.webhook\.secret: .*fewer than 24 bytes/,
          /targets\.1\.commitStatus\.token: the environment variable NO_SUCH_TOKEN_HERE is not set/,
          /targets\.1\.commitStatus\.repository: must be owner\/name/,
          /targets\.2\.chatWebhook\.url: must be the whole http or https URL/,
          /targets\.3\.on\.0/,
        ],
      },
      {
        config: {
          targets: [
            { commitStatus: { host: 'forgejo', repository: 'a/b/c', token } },
            { chatWebhook: { url: secret(chat.webhookUrl) }, on: ['started'] },
            {},
          ],
        },
        problems: [
          /targets\.0\.commitStatus\.api: forgejo has no default/,
          /targets\.0\.commitStatus\.repository: must be owner\/name/,
          /targets\.1\.on: a message by webhook cannot be updated/,
          /targets\.2: needs one of webhook, commitStatus/,
        ],
      },
    ],
    events: (site) => ({ notify: notifyEvent({ site }) }),
    observe: () =>
      Promise.resolve({
        webhook: [...webhook.received],
        statuses: [...github.statuses],
        messages: [...chat.messages],
        calls: services.map(({ requests }) => requests.length),
      }),
    breakTarget: async () => void (await Promise.all(services.map((service) => service.breakIt()))),
    async stallTarget() {
      for (const service of services) service.stallIt();
    },
    mendTarget: async () => void (await Promise.all(services.map((service) => service.mend()))),
    failing: ['notify'],
    async close() {
      await Promise.all(services.map((service) => service.close()));
      await rm(directory, { recursive: true });
    },
  };
});
