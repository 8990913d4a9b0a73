// Many receivers that each lack other blocks: what one is told to fetch fits in a datagram, whatever the others say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BlockRange, MctpFetch } from './mctp-messages.ts';
import { createMctpSender } from './mctp-sender.ts';
import type { MctpSession } from './mctp-session.ts';
import { createMctpRate } from './rate.ts';

const blocks = 2_000;
const oddBlocks = Array.from({ length: blocks / 2 }, (_, n) => ({ from: 2 * n + 1, to: 2 * n + 2 }));
const all: readonly BlockRange[] = [{ from: 0, to: blocks }];

test('MCTP-28: of what one receiver alone lacks, it is told to fetch what a datagram holds; the rest comes by multicast', () => {
  let now = 0;
  const session: MctpSession = {
    ...{ session: 1, sender: 'leader', assignment: 'a1', repair: 'fec' as const, framePayloadBytes: 8_972 },
    ...{ manifestBytes: 0, sealedBytes: blocks * 131_072, plainBytes: 0, manifestHashes: [], receivers: 2 },
  };
  const rate = createMctpRate({ now, linkBytesPerSecond: 10_000_000_000 });
  const sender = createMctpSender({ now, session, receivers: ['web-1', 'web-2'], quorum: 1, rate });
  sender.handle(now, { input: 'available', blocks: { from: 0, to: blocks } });
  for (const node of ['web-1', 'web-2']) sender.handle(now, { input: 'joined', node, lacks: all });
  const fetches: MctpFetch[] = [];
  let number = 0;
  const absent: Record<string, readonly BlockRange[]> = { 'web-1': all, 'web-2': oddBlocks };
  while (fetches.length === 0 && now < 60_000) {
    now += 1;
    if ((sender.nextTimeout() ?? now + 1) <= now) sender.onTimeout(now);
    for (const frame of sender.nextFrames(now, 100_000_000)) number = frame.number;
    for (let effect = sender.pollEffect(); effect !== undefined; effect = sender.pollEffect()) {
      if (effect.effect !== 'send') continue;
      const { message } = effect;
      if (message.type === 'fetch') fetches.push(message);
      if (message.type !== 'status-request' || message.round === 0) continue;
      const { round } = message;
      const facts = { type: 'status', session: 1, round, state: 'receiving', reason: '' } as const;
      for (const node of ['web-1', 'web-2']) {
        const counts = { asOf: number, heard: number, missing: [], absent: absent[node] ?? [], forged: [] };
        sender.handle(now, { input: 'status', from: node, status: { ...facts, ...counts } });
      }
    }
  }
  const [fetch] = fetches;
  assert.ok(fetch?.blocks != null && fetch.blocks.length > 100, 'the even blocks are its alone');
  assert.ok(fetch.blocks.length <= 128, `${fetch.blocks.length} ranges are more than a datagram holds`);
});
