// How a leader of the lab fetches from one source: a block at a time, the lowest that is missing and that the source has.

import type { SourceTrouble } from '../../../model/tree-messages.ts';
import type { SourceChoice } from '../tree-machines.ts';
import { partOf } from '../tree-parts.ts';
import { treeTiming } from '../tree-timing.ts';
import type { LabStation } from './lab-station.ts';

export interface Fetched {
  readonly isProgress: boolean;
  /** The source knows that it is fetched from. */
  readonly isServed: boolean;
  readonly trouble: SourceTrouble | null;
}

const nothing: Fetched = { isProgress: false, isServed: false, trouble: null };
const deadMs = 300;
const probeMs = 2000;

/** `from` null: the CCM; undefined: there is no such node. */
export function fetchOne(
  now: number,
  station: LabStation,
  { node, part, parts }: SourceChoice,
  from: LabStation | null | undefined,
  blocks: number,
): Fetched {
  if (station.failed.has(node)) return nothing;
  const wanted: number[] = [];
  for (let block = 0; block < blocks; block += 1)
    if (!station.held.has(block) && partOf(block, blocks, parts) === part) wanted.push(block);
  if (wanted.length === 0) return nothing;

  const fail = (trouble: SourceTrouble): Fetched => {
    station.failed.add(node);
    return { ...nothing, trouble };
  };
  const isDead = from === undefined || (from !== null && (!from.isAlive || from.isNat));
  if (from?.isCorrupt && !isDead && from.held.size > 0) return fail('corrupt');
  const offered = wanted.find((block) => !isDead && (from === null || from.held.has(block)));
  if (offered !== undefined && !from?.isStuck) {
    station.silentSince.delete(node);
    station.held.add(offered);
    return { isProgress: true, isServed: true, trouble: null };
  }
  const since = station.silentSince.get(node) ?? now;
  station.silentSince.set(node, since);
  if (isDead) return now - since >= deadMs ? fail('unreachable') : nothing;
  // It is asked whether it has more; if it has not, that is its own trouble.
  if (offered !== undefined && now - since >= probeMs) return fail('slow');
  if (now - since >= treeTiming.starveMs) return fail('lacks');
  return { isProgress: false, isServed: true, trouble: null };
}
