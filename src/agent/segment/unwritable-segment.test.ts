// The agent's part in its segment when what it must remember cannot be written: it goes on, and takes up the CCM's word when it can (CHAN-20).

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SegmentAgentMessage, SegmentCcmMessage } from '../../model/segment-messages.ts';
import { type Clock, steadyClock } from '../../net/clock.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { until } from '../../plugins/testing/until.ts';
import { createSegmentAgent } from './segment-agent.ts';
import { segmentSettingsSchema } from './segment-settings.ts';

const untilMs = 30_000;
const [first, second] = ['a1'.repeat(16), 'b2'.repeat(16)] as const;
const port = 20_000 + (randomBytes(2).readUInt16BE() % 10_000);

function told(id: string): Extract<SegmentCcmMessage, { type: 'segment' }> {
  const channel = { transport: 'unicast', group: null, port } as const;
  const own = { role: 'allowed', factor: 1, maintenance: false } as const;
  return {
    type: 'segment',
    id,
    name: 'hall',
    ...own,
    channel,
    preset: 'fast',
    timers: {},
    peers: [],
    others: 0,
  };
}

test('CHAN-20: a segment that could not be written down is gone to later, and in a new life of the node', async (t) => {
  const directory = temporaryDirectory(t);
  const authority = await createCertificateAuthority(join(directory, 'ca'));
  const { key, identity } = await issueNodeCredentials(authority, 'web-1');
  /** Long waits are short. */
  const clock: Clock = {
    now: steadyClock.now,
    after: (delayMs, run) => steadyClock.after(delayMs >= 10_000 ? 50 : delayMs, run),
  };
  const said: SegmentAgentMessage[] = [];
  const warnings: string[] = [];
  const agent = createSegmentAgent({
    node: 'web-1',
    directory,
    settings: segmentSettingsSchema.parse({ interface: 'lo' }),
    credentials: {
      key: () => key,
      current: () => ({ ca: authority.certificate, identity }),
    },
    ccmUrl: 'https://127.0.0.1:9',
    capabilities: [],
    freeBytes: () => 1e9,
    content: () => 1,
    send(message) {
      said.push(message as SegmentAgentMessage);
      return true;
    },
    random: Math.random,
    log: {
      debug: () => undefined,
      info: () => undefined,
      error: () => undefined,
      warn: (_, message) => void warnings.push(message),
    },
    clock,
  });
  t.after(() => agent.close());
  const leads = (segment: string) =>
    until(
      () => `it leads ${segment}: ${warnings.join(', ')}`,
      async () => said.some((message) => message.type === 'segmentReport' && message.segment === segment),
      untilMs,
    );
  agent.receive(told(first));
  await leads(first);

  const memory = join(directory, 'segment');
  rmSync(memory, { recursive: true });
  agent.receive(told(second));
  await until(
    'it says so',
    async () => warnings.filter((text) => text === 'the segment could not be taken care of').length > 1,
    untilMs,
  );
  mkdirSync(memory);
  await leads(second);
  assert.ok(existsSync(join(memory, 'segment.json')));
});
