// How often two leaders of a segment were accepted at once: by the CCM, from its event log, and by members, from their own logs. A node that was
// killed, stopped or cut off leads nobody meanwhile, whatever it said last.

import { readFile } from 'node:fs/promises';
import type { EventResource } from '../../src/model/api.ts';
import type { Absence } from './segment-fleet.ts';

export interface Saying {
  /** Date.now() of the machine that all share. */
  readonly at: number;
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
      const entry = parse(line);
      if (entry === undefined) continue;
      const { time, leader, term, msg } = entry;
      if (leader !== undefined && typeof term === 'number') said.push({ at: time, leader, term });
      else if (msg.startsWith('this node takes part')) said.push({ at: time, leader: null, term: 0 });
    }
    sayings.set(node, said);
  }
  return sayings;
}

interface LogLine {
  readonly time: number;
  readonly msg: string;
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

/** Moments at which two nodes led by their own word, and somebody else followed each. */
function followedTwice(sayings: Sayings, absences: ReadonlyMap<string, readonly Absence[]>): number {
  const isAway = (node: string, at: number): boolean =>
    absences.get(node)?.some(({ from, to }) => from <= at && at <= to) === true;
  const moments = [...sayings]
    .flatMap(([node, said]) => said.map((saying) => ({ node, ...saying })))
    .sort((one, other) => one.at - other.at);
  const follows = new Map<string, string | null>();
  let times = 0;
  let were = false;
  for (const { node, at, leader } of moments) {
    follows.set(node, leader);
    const led = new Set<string>();
    for (const [member, its] of follows) {
      if (its === null || its === member || isAway(member, at) || isAway(its, at)) continue;
      if (follows.get(its) === its) led.add(its);
    }
    if (led.size > 1 && !were) times += 1;
    were = led.size > 1;
  }
  return times;
}
