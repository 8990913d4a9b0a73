// The agent's part in its segment, over real sockets; what the CCM would say is said by the test.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AgentMessage } from '../../model/messages.ts';
import { unassignedSegment } from '../../model/segment.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { until } from '../../plugins/testing/until.ts';
import { silentLog } from '../session/agent-log.ts';
import { createSegmentAgent } from './segment-agent.ts';
import { segmentSettingsSchema } from './segment-settings.ts';

type State = Extract<AgentMessage, { readonly type: 'segmentState' }>;

/** Less than after which members go by themselves. */
const untilMs = 14_000;

test('REG-21 CHAN-20: a leader elected while its members wait to be taken to their segment takes them there', async (t) => {
  const directory = temporaryDirectory(t);
  const authority = await createCertificateAuthority(join(directory, 'ca'));
  const group = `239.255.${process.pid % 250}.${(process.pid >> 8) % 250}`;
  const channel = { transport: 'multicast', group, port: 17_446 } as const;
  const agents = await Promise.all(
    ['web-1', 'web-2', 'web-3'].map(async (node) => {
      const { key, identity } = await issueNodeCredentials(authority, node);
      const states: State[] = [];
      const agent = createSegmentAgent({
        node,
        directory: join(directory, node),
        settings: segmentSettingsSchema.parse({ interface: '127.0.0.1' }),
        credentials: { key: () => key, current: () => ({ identity, ca: authority.certificate }) },
        ccmUrl: 'https://127.0.0.1:9',
        capabilities: [],
        freeBytes: () => 1e9,
        content: () => 1,
        send(message) {
          if (message.type === 'segmentState') states.push(message);
          return true;
        },
        random: Math.random,
        log: silentLog,
      });
      t.after(agent.close);
      const tell = (id: string): void =>
        agent.receive({
          type: 'segment',
          id,
          name: null,
          role: 'allowed',
          factor: 1,
          maintenance: false,
          channel,
          preset: 'fast',
          timers: {},
          peers: [],
          others: 0,
        });
      tell(unassignedSegment);
      return { node, ...agent, tell, last: () => states.at(-1) };
    }),
  );
  const oneLeader = (among: typeof agents, id: string): string | undefined => {
    const [first, ...others] = among.map(({ last }) => last());
    const isSame = others.every(
      (other) => other?.leader === first?.leader && other?.segment === first?.segment,
    );
    return isSame && first?.segment === id ? (first.leader ?? undefined) : undefined;
  };
  await until('all follow one leader', () => oneLeader(agents, unassignedSegment) !== undefined, untilMs);
  const first = oneLeader(agents, unassignedSegment);
  const rest = agents.filter(({ node }) => node !== first);
  const id = 'ab'.repeat(16);
  for (const { tell } of rest) tell(id);
  await agents.find(({ node }) => node === first)?.close();
  await until(
    'the others are in their segment, with one leader',
    () => oneLeader(rest, id) !== undefined,
    untilMs,
  );
  assert.notEqual(oneLeader(rest, id), first);
  // A term of the new segment would begin at one.
  assert.ok(rest.every(({ last }) => (last()?.term ?? 0) > 1));
});
