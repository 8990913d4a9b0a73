// What the CCM is told of a node's segment over the link (LINK-43, LINK-45): the node's own state when it changes and each minute, and, of a
// leader, its reports. Says nothing before the CCM has shown that it knows of segments.

import { availableParallelism } from 'node:os';
import type { AgentMessage, Hello } from '../../model/messages.ts';
import type { SegmentReport } from '../../model/segment.ts';
import type { SegmentAgentMessage } from '../../model/segment-messages.ts';
import type { Clock } from '../../net/clock.ts';
import type { SegmentDriver } from '../../net/segment/segment-driver.ts';
import { openConnections } from './lead-resources.ts';
import { timeZone } from './time-zone.ts';

type StateMessage = Extract<SegmentAgentMessage, { readonly type: 'segmentState' }>;

export interface SegmentReporter {
  /** The CCM has spoken of segments on this connection. */
  maySpeak(may: boolean): void;
  /** Something may have happened. Looks at once, and otherwise twice a second at most. */
  look(): void;
  report(segment: string, report: SegmentReport): void;
  close(): void;
}

export interface SegmentReporterOptions {
  readonly send: (message: Exclude<AgentMessage, Hello>) => boolean;
  /** Undefined while there is none. */
  readonly driver: () => SegmentDriver | undefined;
  readonly segment: () => string;
  readonly port: () => number;
  /** Other segments whose leaders are heard. */
  readonly heard: () => readonly string[];
  readonly freeBytes: () => number;
  readonly location: string | null;
  readonly clock: Clock;
}

const lookEveryMs = 500;
const sayAtLeastMs = 60_000;
const reasonCharactersMax = 256;

export function createSegmentReporter(options: SegmentReporterOptions): SegmentReporter {
  const { clock } = options;
  const zone = timeZone();
  let may = false;
  let said = '';
  let saidAt = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | undefined;
  let isLooking = false;
  let isClosed = false;

  function stateOf(driver: SegmentDriver): StateMessage {
    const machine = driver.machine();
    const { own, verdict, why, dropped, place } = driver.state();
    return {
      type: 'segmentState',
      segment: options.segment(),
      state: machine.state,
      term: machine.term,
      leader: machine.leader,
      priority: machine.priority,
      priorityTerms: machine.terms,
      aliveAgoMs: machine.aliveAgoMs === null ? null : Math.max(0, Math.round(machine.aliveAgoMs)),
      address: own?.address ?? null,
      port: own?.port ?? options.port(),
      transport: verdict?.transport ?? place.transport,
      reason: (verdict === null ? why : `${verdict.reason} The interface: ${why}.`).slice(
        0,
        reasonCharactersMax,
      ),
      heard: options.heard(),
      dropped: { ...dropped },
    };
  }

  /** What moves all the time is told with the rest. */
  function newsOf(driver: SegmentDriver): string {
    const { state, term, leader } = driver.machine();
    const { own, verdict, why } = driver.state();
    return [
      options.segment(),
      state,
      term,
      leader,
      own?.address,
      own?.port,
      verdict?.reason,
      why,
      ...options.heard(),
    ].join(' ');
  }

  function say(): void {
    cancel?.();
    cancel = undefined;
    isLooking = false;
    const driver = options.driver();
    if (!may || driver === undefined || isClosed) return;
    lookedAt = clock.now();
    const news = newsOf(driver);
    const isDue = lookedAt - saidAt >= sayAtLeastMs;
    if ((news !== said || isDue) && options.send(stateOf(driver))) {
      said = news;
      saidAt = lookedAt;
    }
    cancel = clock.after(sayAtLeastMs, say);
  }

  function look(): void {
    if (isClosed) return;
    const sinceMs = clock.now() - lookedAt;
    if (isClosed) return;
    if (sinceMs >= lookEveryMs) say();
    else if (!isLooking) {
      isLooking = true;
      cancel?.();
      cancel = clock.after(lookEveryMs - sinceMs, say);
    }
  }

  return {
    maySpeak(next) {
      may = next;
      said = '';
      say();
    },
    look,
    report(segment, report) {
      if (!may) return;
      options.send({
        type: 'segmentReport',
        segment,
        ...report,
        location: options.location,
        timeZone: zone,
        freeBytes: options.freeBytes(),
        cpus: availableParallelism(),
        connections: openConnections(),
      });
    },
    close() {
      isClosed = true;
      cancel?.();
    },
  };
}
