// What a node measures of itself for elections and for its offer (R5.2, R5.3). Rounded, so that small movements are no news to anybody.

import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import type { MemberOffer } from '../../model/segment.ts';
import type { LeadResources } from '../../protocol/election/priority.ts';

export interface MeasuredOptions {
  readonly freeBytes: () => number;
  /** Part of the sites whose newest decision is live here. */
  readonly content: () => number;
  /** Milliseconds since the start in which the node was reached, of those that have passed. */
  readonly reliability: () => number;
}

export function leadResources(options: MeasuredOptions, networkInterface: string | undefined): LeadResources {
  const cpus = availableParallelism();
  return {
    cpus,
    idle: rounded(Math.max(0, 1 - (loadavg()[0] ?? 0) / cpus), 0.25),
    freeBytes: roughly(options.freeBytes()),
    linkBitsPerSecond: linkSpeed(networkInterface),
    reliability: rounded(options.reliability(), 0.1),
    content: rounded(options.content(), 0.1),
  };
}

export function memberOffer(freeBytes: number, maintenance: boolean): MemberOffer {
  const load = ((loadavg()[0] ?? 0) / availableParallelism()) * 100;
  return { maintenance, freeBytes: roughly(freeBytes), load: rounded(load, 50) };
}

/** TCP connections that are open on this machine; 0 where the kernel does not say. */
export function openConnections(): number {
  let open = 0;
  for (const file of ['/proc/net/sockstat', '/proc/net/sockstat6']) {
    const line = /^TCP6?: inuse (\d+)/m.exec(readText(file));
    open += Number(line?.[1] ?? 0);
  }
  return open;
}

/** As the driver says, in megabits; what has none (loopback, virtual links) counts as a gigabit. */
function linkSpeed(name: string | undefined): number {
  const text = name === undefined ? '' : readText(`/sys/class/net/${name}/speed`);
  const megabits = Number(text.trim() || Number.NaN);
  return megabits > 0 ? megabits * 1e6 : 1e9;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function rounded(value: number, step: number): number {
  return Math.round(value / step) * step;
}

/** To the next smaller power of the square root of two. */
function roughly(bytes: number): number {
  return bytes < 1 ? 0 : Math.floor(2 ** (Math.floor(Math.log2(bytes) * 2) / 2));
}
