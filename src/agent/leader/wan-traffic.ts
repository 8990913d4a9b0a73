// What this node moves between its segment and elsewhere as a leader: kept within what the CCM allows (TREE-70 to TREE-74), and told to it (TREE-75).
// What it sends to its own segment is none of it.

import type { LeaderAgentMessage } from '../../model/leader-messages.ts';
import type { Clock } from '../../net/clock.ts';
import { createPacer, type Pace } from '../../net/rate/pacer.ts';
import type { LeaderLimitsMessage } from './allowed-rate.ts';

export interface WanTraffic {
  /** The CCM's word. It holds until the next one, also without a link or a session: what is under way goes on as well. */
  receive(limits: LeaderLimitsMessage): void;
  /** A transfer of that site to a node of another segment begins. */
  serve(site: string): Pace;
  /** One from the CCM, or from another segment. */
  fetch(site: string): Pace;
  close(): void;
}

export interface WanTrafficOptions {
  /** Over the node's own link, while this node leads; false: nobody hears it. */
  readonly send: (message: Extract<LeaderAgentMessage, { type: 'leaderTraffic' }>) => boolean;
  readonly clock: Clock;
  readonly wallNow: () => number;
  readonly minuteOf?: (atMs: number) => number;
}

const tellEveryMs = 10_000;

export function createWanTraffic({ send, ...options }: WanTrafficOptions): WanTraffic {
  const { clock } = options;
  const serving = createPacer(options);
  const fetching = createPacer(options);
  let told = { at: clock.now(), served: 0, fetched: 0 };
  let isAsked = false;
  let cancel: (() => void) | undefined;

  function tell(): void {
    cancel = clock.after(tellEveryMs, tell);
    const now = { at: clock.now(), served: serving.bytes(), fetched: fetching.bytes() };
    const moved = { servedBytes: now.served - told.served, fetchedBytes: now.fetched - told.fetched };
    const tookMs = Math.max(0, Math.round(now.at - told.at));
    const bytesPerSecondMax = serving.allowed();
    const isNews = moved.servedBytes + moved.fetchedBytes > 0;
    if (isNews && !send({ type: 'leaderTraffic', ...moved, tookMs, bytesPerSecondMax })) return;
    told = now;
  }

  return {
    receive({ wan }) {
      const limits = { all: wan?.segment ?? null, sites: wan?.sites ?? {} };
      serving.set(limits);
      fetching.set(limits);
      if (isAsked === (wan !== undefined)) return;
      isAsked = wan !== undefined;
      cancel?.();
      if (!isAsked) return;
      told = { at: clock.now(), served: serving.bytes(), fetched: fetching.bytes() };
      cancel = clock.after(tellEveryMs, tell);
    },
    serve: serving.begin,
    fetch: fetching.begin,
    close() {
      cancel?.();
      serving.close();
      fetching.close();
    },
  };
}
