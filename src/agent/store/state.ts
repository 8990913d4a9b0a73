// What the journal says of one site on this node: the tree slots, who is live, backup and staged, and the last decision.
// Pure: every function gives the next state. The lag algebra (STG-1 to STG-4) is here.

import type { HeldTree } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { parseReleaseName, type Release, releaseName } from '../../model/release.ts';
import type { ObjectId } from '../../model/tree.ts';
import { emptyLag, isEmptyLag, type Lag, uniteLags, wholeLag } from './lag.ts';

export interface Slot {
  readonly slot: number;
  /** Name in `trees/`: where the tree is, or will be once renamed. */
  readonly directory: string;
  /** Where the tree still is while the rename to `directory` may not have happened. */
  readonly formerDirectory: string | null;
  /** Whether this name was ever live, so that nothing may be written under it again. */
  readonly served: boolean;
  /** The published tree it holds; null for a slot that waits to be `next`. */
  readonly held: HeldTree | null;
  /** Where it may differ from live. Always empty for live itself. */
  readonly lag: Lag;
  /** Name of the kept plugin commands of the tree it holds (STG-26); null when there are none. */
  readonly commands: string | null;
}

export interface Staging {
  readonly slot: number;
  readonly release: Release;
  readonly targetTree: ObjectId;
  /** False while commands run: after a crash such a staging is undone. */
  readonly complete: boolean;
}

export interface State {
  readonly version: 1;
  readonly site: string;
  readonly slots: readonly Slot[];
  /** Slot numbers. For `live` the symlink has the last word. */
  readonly live: number | null;
  readonly backup: number | null;
  readonly staging: Staging | null;
  readonly lastDecision: SignedDecision | null;
  readonly executed: boolean;
  /** Whether any tree here may have twins: from the first one on (STG-20). */
  readonly twins: boolean;
  /** The next number for a slot and for a `spare-<number>` directory. */
  readonly nextNumber: number;
}

/** Trees a site keeps: live, backup, next. */
export const treesWanted = 3;

export function emptyState(site: string): State {
  return {
    version: 1,
    site,
    slots: [],
    live: null,
    backup: null,
    staging: null,
    lastDecision: null,
    executed: false,
    twins: false,
    nextNumber: 1,
  };
}

export function slotOf(state: State, number: number | null): Slot | undefined {
  return number === null ? undefined : state.slots.find(({ slot }) => slot === number);
}

/** Slots that are neither live nor backup nor staged. */
export function idleSlots(state: State): Slot[] {
  return state.slots.filter(
    ({ slot }) => slot !== state.live && slot !== state.backup && slot !== state.staging?.slot,
  );
}

export function replaceSlot(state: State, slot: Slot): State {
  return { ...state, slots: state.slots.map((other) => (other.slot === slot.slot ? slot : other)) };
}

export function removeSlot(state: State, number: number): State {
  return { ...state, slots: state.slots.filter(({ slot }) => slot !== number) };
}

/** A new slot under a name of its own; its number is the state's last. */
export function addSlot(state: State, directory: string | undefined, lag: Lag): State {
  const slot: Slot = {
    slot: state.nextNumber,
    directory: directory ?? `spare-${state.nextNumber}`,
    formerDirectory: null,
    served: false,
    held: null,
    lag,
    commands: null,
  };
  return { ...state, slots: [...state.slots, slot], nextNumber: state.nextNumber + 1 };
}

/** The name a slot takes before the first write of a release; another one only when a tree that was live has that name. */
export function directoryForRelease(
  state: State,
  number: number,
  release: Release,
  /** Names that something has which is no slot. */
  occupied: Iterable<string> = [],
): string {
  const taken = new Set(occupied);
  for (const slot of state.slots) {
    if (slot.slot === number && !slot.served) continue;
    taken.add(slot.directory);
    if (slot.formerDirectory !== null) taken.add(slot.formerDirectory);
  }
  const name = releaseName(release);
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}.${n}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** The release a directory was named for, for rebuilding a lost journal. */
export function releaseOfDirectory(directory: string): Release | undefined {
  return parseReleaseName(directory.split('.')[0] ?? '');
}

/**
 * STG-2: live moves to another slot. Whatever that slot's lag named is where the former live tree, and so every other one, may now
 * differ from live. The former live tree becomes the backup.
 */
export function moveLive(state: State, to: number, release: Release): State {
  const target = slotOf(state, to);
  if (!target?.held) throw new Error(`slot ${to} holds no tree`);
  const { held, lag: moved } = target;
  const from = state.live;
  const staging =
    state.staging?.slot === to || !state.staging?.complete || from === null ? null : state.staging;
  const next: State = {
    ...state,
    live: to,
    backup: from,
    staging,
    slots: state.slots.map((slot) =>
      slot.slot === to
        ? { ...slot, held: { tree: held.tree, release }, lag: emptyLag, served: true }
        : { ...slot, lag: from === null ? wholeLag : uniteLags(slot.lag, moved) },
    ),
  };
  return forgetIdleTrees(next);
}

/** Idle slots hold no tree anybody may switch to, because they are about to be written; its plugin commands go with it. */
function forgetIdleTrees(state: State): State {
  const idle = new Set(idleSlots(state).map(({ slot }) => slot));
  return {
    ...state,
    slots: state.slots.map((slot) =>
      idle.has(slot.slot) && slot.held ? { ...slot, held: null, commands: null } : slot,
    ),
  };
}

export function dropStaging(state: State): State {
  return state.staging ? forgetIdleTrees({ ...state, staging: null }) : state;
}

/** STG-5: idle slots whose name was live get a name of their own before anything is written into them. */
export function planRenames(state: State): State {
  let next = state;
  for (const slot of idleSlots(state)) {
    if (!slot.served || slot.formerDirectory !== null) continue;
    const renamed: Slot = {
      ...slot,
      directory: `spare-${next.nextNumber}`,
      formerDirectory: slot.directory,
      served: false,
    };
    next = { ...replaceSlot(next, renamed), nextNumber: next.nextNumber + 1 };
  }
  return next;
}

/** Ids of what must stay in the inbox: manifests and lists of paths that lags name, plugin commands of held trees. */
export function keptNamed(state: State): Set<string> {
  const named = new Set<string>();
  for (const { lag, commands } of state.slots) {
    for (const id of lag.assignments) named.add(id);
    if (commands !== null) named.add(commands);
  }
  return named;
}

export function needsCatchUp(slot: Slot): boolean {
  return slot.formerDirectory !== null || slot.served || !isEmptyLag(slot.lag);
}
