// A node of a segment as a process of its own, so that it can live in a network namespace: driven by JSON lines on its standard input, it
// answers each by one line on its standard output.

import { createPrivateKey } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { SegmentTiming } from '../../src/model/segment.ts';
import { startNode } from '../../src/net/segment/testing/start-node.ts';
import { segmentTimings } from '../../src/protocol/segment/timing.ts';

/** The first line. */
export interface ChildOptions {
  readonly node: string;
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
  readonly authorities: string;
  readonly segment: string;
  readonly place: {
    readonly transport: 'multicast' | 'unicast';
    readonly group: string | null;
    readonly port: number;
  };
  readonly transport?: 'auto' | 'multicast' | 'unicast';
  readonly wanted?: string;
  readonly towards?: { readonly host: string; readonly port: number };
  readonly boot?: number;
  /** Default: `fast` in half the time. */
  readonly timing?: SegmentTiming;
}

export type ChildOrder =
  | { readonly order: 'state' }
  | { readonly order: 'test' }
  /** Answered by a ThroughputResult. */
  | { readonly order: 'measure'; readonly bytesPerSecondMax: number }
  | {
      readonly order: 'peers';
      readonly addresses: readonly {
        readonly node: string | null;
        readonly address: string;
        readonly port: number;
      }[];
    }
  | { readonly order: 'close' };

const quick: SegmentTiming = {
  ...segmentTimings.fast,
  aliveMs: 250,
  lostMs: 1_500,
  triggerMinMs: 1_500,
  listenMs: 600,
  windowMs: 300,
  concedeMs: 750,
  quietMs: 150,
  hereMs: 750,
  silentMs: 2_000,
  offlineMs: 3_000,
};

if (import.meta.main) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const first = await lines.next();
  const options = JSON.parse(first.value as string) as ChildOptions;
  const { key, certificate, node, ...rest } = options;
  const { driver } = await startNode({
    credentials: { node, key: createPrivateKey(key), identity: { key, certificate }, serial: '' },
    timing: quick,
    ...rest,
  });
  const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
  const state = () => ({ ...driver.state(), machine: driver.machine() });
  say(state());
  for await (const line of { [Symbol.asyncIterator]: () => lines }) {
    const order = JSON.parse(line) as ChildOrder;
    if (order.order === 'peers') driver.peers(order.addresses, order.addresses.length);
    if (order.order === 'test') await driver.station.test();
    if (order.order === 'close') break;
    if (order.order === 'measure') say(await driver.station.measure(order.bytesPerSecondMax));
    else say(state());
  }
  await driver.close();
  process.exit(0);
}
