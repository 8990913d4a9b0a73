// One session of a bench: the seconds from its begin until the last receiver has said that it holds everything, and all bytes that left the sender's interface
// meanwhile, fetches by unicast included. Who has not exactly the sender's bytes fails it.

import type { LanHost } from '../../test/lab/lan.ts';
import { createSessionFleet, type SessionFleet } from '../../test/lab/mctp/session-fleet.ts';

export interface SessionFigures {
  readonly seconds: number;
  readonly wireBytes: number;
  readonly frames: number;
  readonly cpuSeconds: number;
  readonly unicast: number;
  /** The most of a receiver's memory, and what it had before the session. */
  readonly receiverRssBytes: number;
  readonly receiverRssBefore: number;
  /** Datagrams that receivers dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly receiverFrames: number;
}

export interface SessionCase {
  readonly bytes: number;
  readonly repair: 'arq' | 'fec';
  readonly linkBytesPerSecond?: number;
  readonly bytesPerSecondMax?: number;
  /** Goes on beside the session, from when it has begun. */
  readonly beside?: (fleet: SessionFleet) => Promise<void>;
}

export async function measureSession(
  hosts: readonly LanHost[],
  { bytes, beside, ...options }: SessionCase,
): Promise<SessionFigures> {
  const fleet = await createSessionFleet(hosts);
  try {
    await fleet.makeContent(bytes);
    await fleet.start();
    const names = ['leader', ...fleet.names];
    const states = () => Promise.all(names.map((node) => fleet.state(node)));
    const before = await states();
    const wireBefore = (await (hosts[0] as LanHost).traffic()).sent;
    const from = performance.now();
    await fleet.send(options);
    const besides = beside?.(fleet);
    const { event } = await fleet.sender().until('sending-event', (said) => said.event.type === 'ended');
    const ended = performance.now();
    await besides;
    if (event.type !== 'ended' || event.error !== null)
      throw new Error(`the session failed: ${JSON.stringify(event)}`);
    for (const node of event.unicast)
      await fleet.receiver(node).until('receiving-event', (said) => said.event.type === 'complete');
    const seconds = ((event.unicast.length > 0 ? performance.now() : ended) - from) / 1_000;
    const sentBytes = (await (hosts[0] as LanHost).traffic()).sent - wireBefore;
    const after = await states();
    for (const node of fleet.names)
      if (!(await fleet.isSame(node))) throw new Error(`${node} has other bytes than the sender`);
    const cpu = (list: typeof after): number => list.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / 1_000;
    const dropped: Record<string, number> = {};
    for (const { receiving } of after)
      for (const [reason, count] of Object.entries(receiving?.dropped ?? {}))
        dropped[reason] = (dropped[reason] ?? 0) + count;
    return {
      seconds,
      wireBytes: sentBytes,
      frames: after[0]?.sending?.frames ?? 0,
      cpuSeconds: cpu(after) - cpu(before),
      unicast: event.unicast.length,
      receiverRssBytes: Math.max(...after.slice(1).map(({ rssBytes }) => rssBytes)),
      receiverRssBefore: Math.max(...before.slice(1).map(({ rssBytes }) => rssBytes)),
      dropped,
      receiverFrames: Math.max(...after.slice(1).map(({ receiving }) => receiving?.frames ?? 0)),
    };
  } finally {
    await fleet.close();
  }
}
