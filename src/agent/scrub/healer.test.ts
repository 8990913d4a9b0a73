// What a node says and asks of drift fits the link. What healing does is tested with real agents (test/e2e/drift.test.ts).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AgentMessage } from '../../model/messages.ts';
import { systemClock } from '../../net/clock.ts';
import { agentMessageSchema } from '../../net/link/agent-message-schema.ts';
import { agentMessageBytesMax } from '../../net/link/limits.ts';
import { silentLog } from '../session/agent-log.ts';
import { type ModelTree, modelFile } from '../store/testing/model-tree.ts';
import { kitSite, makeRoot, openPublishedStore } from '../store/testing/site-kit.ts';
import { createHealer } from './healer.ts';
import { createScrubRecord } from './scrub-record.ts';

test('LINK-22 LINK-23 what is told and asked of paths that JSON makes six times as long stays below what the CCM takes', async (t) => {
  const root = makeRoot();
  const directory = `${'\u0001'.repeat(250)}/`.repeat(14);
  const names = Array.from({ length: 120 }, (_, number) => `${directory}${'\u0001'.repeat(200)}${number}`);
  const tree: ModelTree = new Map(names.map((name) => [name, modelFile('as published', 1_000)]));
  const store = await openPublishedStore(root, tree);
  t.after(async () => {
    await store.close();
    fs.rmSync(root, { recursive: true });
  });
  // In the inodes that all trees share: only the CCM has the right bytes.
  for (const name of names) fs.writeFileSync(join(root, kitSite, 'live', name), 'another text');
  const stopping = new AbortController();
  const sent: AgentMessage[] = [];
  const healer = createHealer({
    site: kitSite,
    report(message) {
      sent.push(message);
      if (message.type === 'mend') stopping.abort();
    },
    onLateAnswer: () => assert.fail('nothing was answered'),
    receiver: { sourcesOf: () => [], log: silentLog },
    record: createScrubRecord(join(root, 'scrub.json'), systemClock),
    clock: systemClock,
    log: silentLog,
  });
  healer.follow({ action: 'repair', extra: 'report', ignore: [] });
  await assert.rejects(healer.heal(store, names, stopping.signal), { code: 'ABORTED' });
  assert.deepEqual(
    sent.map(({ type }) => type),
    ['drift', 'mend'],
  );
  for (const message of sent) {
    const bytes = Buffer.byteLength(JSON.stringify(message));
    assert.ok(bytes < agentMessageBytesMax, `${message.type}: ${bytes} bytes`);
    agentMessageSchema.parse(message);
    assert.ok('paths' in message && message.paths.length > 10);
  }
});
