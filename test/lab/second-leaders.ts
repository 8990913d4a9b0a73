// How often two leaders of a segment were accepted at once: by the CCM, from its event log, and by members, from their own logs. A node that was
// killed, stopped or cut off leads nobody meanwhile, whatever it said last.

import { readFile } from 'node:fs/promises';
import type { EventResource } from '../../src/model/api.ts';
import type { Absence } from './segment-fleet.ts';

export interface Saying {
  /** Date.now() of the machine that all share. */
  readonly at: number;
  readonly segment: string;
  /** Null: nobody, also at its start. */
  readonly leader: string | null;
  readonly term: number;
}

export type Sayings = ReadonlyMap<string, readonly Saying[]>;

/** From the logs of agents, by node. */
export async function readSayings(files: ReadonlyMap<string, string>): Promise<Sayings> {
  const sayings = new Map<string, Saying[]>();
  for (const [node, file] of files) {
    const said: Saying[] = [];
    for (const line of (await readFile(file, 'utf8')).split('\n')) {
      const { time: at, segment, leader, term, msg } = parse(line) ?? {};
      if (at === undefined || segment === undefined || msg === undefined) continue;
      if (leader !== undefined && term !== undefined) said.push({ at, segment, leader, term });
      else if (msg.startsWith('this node takes part')) said.push({ at, segment, leader: null, term: 0 });
      else if (msg === 'the segment has moved')
        said.push({ leader: null, term: 0, ...said.at(-1), at, segment });
    }
    sayings.set(node, said);
  }
  return sayings;
}

interface LogLine {
  readonly time: number;
  readonly msg: string;
  readonly segment?: string;
  readonly leader?: string | null;
  readonly term?: number;
}

/** A process that was killed may have left half a line. */
function parse(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}

export function secondLeaders(
  events: readonly EventResource[],
  sayings: Sayings,
  absences: ReadonlyMap<string, readonly Absence[]>,
): number {
  return acceptedTwice(events) + followedTwice(sayings, absences);
}

function acceptedTwice(events: readonly EventResource[]): number {
  const accepted = new Map<unknown, unknown>();
  let times = 0;
  for (const { kind, data } of events) {
    const { segment, leader } = data;
    if (kind === 'segment.leaderGone' && accepted.get(segment) === leader) accepted.delete(segment);
    if (kind !== 'segment.leaderAccepted') continue;
    if (accepted.has(segment) && accepted.get(segment) !== leader) times += 1;
    accepted.set(segment, leader);
  }
  return times;
}

/** Moments at which two nodes led one segment by their own word, and somebody else followed each. */
function followedTwice(sayings: Sayings, absences: ReadonlyMap<string, readonly Absence[]>): number {
  const isAway = (node: string, at: number): boolean =>
    absences.get(node)?.some(({ from, to }) => from <= at && at <= to) === true;
  const killed = [...absences].flatMap(([node, all]) =>
    all.flatMap(({ from, wasKilled }) => (wasKilled ? { node, at: from, segment: '', leader: null } : [])),
  );
  const moments = [...sayings]
    .flatMap(([node, said]) => said.map(({ at, segment, leader }) => ({ node, at, segment, leader })))
    .concat(killed)
    .sort((one, other) => one.at - other.at);
  const last = new Map<string, (typeof moments)[number]>();
  let times = 0;
  let were = false;
  for (const moment of moments) {
    last.set(moment.node, moment);
    const led = new Map<string, Set<string>>();
    for (const [member, { segment, leader }] of last) {
      if (leader === null || leader === member || isAway(member, moment.at) || isAway(leader, moment.at))
        continue;
      const its = last.get(leader);
      if (its?.leader !== leader || its.segment !== segment) continue;
      led.set(segment, (led.get(segment) ?? new Set()).add(leader));
    }
    const are = [...led.values()].some(({ size }) => size > 1);
    if (are && !were) times += 1;
    were = are;
  }
  return times;
}
