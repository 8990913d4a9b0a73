// What should lie at a path of one of the trees held here: what its directory objects say, or a recorded twin. Reads no tree on disk.

import type { SiteContext } from './site-context.ts';
import { type Slot, type State, slotOf } from './state.ts';
import { directoryMode, type IndexEntry, IndexGap } from './tree-index.ts';
import { fileOfTwin } from './twin-names.ts';

export interface WantedEntry extends IndexEntry {
  readonly isTwin: boolean;
}

/** Undefined when nothing should be there. Throws {@link IndexGap} when it is not known. */
export function wantedAt(context: SiteContext, slot: Slot, path: string): WantedEntry | undefined {
  const tree = slot.held?.tree;
  if (tree === undefined) throw new IndexGap('a slot that holds no tree');
  if (path === '') return { mode: directoryMode, id: tree, isTwin: false };
  const entry = context.index.entryOf(tree, path);
  if (entry) return { ...entry, isTwin: false };
  return twinAt(context, slot, path);
}

function twinAt({ index, twins, journal }: SiteContext, slot: Slot, path: string): WantedEntry | undefined {
  const file = fileOfTwin(path);
  if (!journal.state().twins || file === undefined) return undefined;
  if (!twins.isKnown(slot.slot)) throw new IndexGap(`the twins of slot ${slot.slot}`);
  const record = twins.recordOf(slot.slot, path);
  const source = record && index.entryOf(slot.held?.tree ?? '', file);
  // A twin of other bytes than its file's is none: it is foreign there.
  if (!record || source?.id !== record.source) return undefined;
  return { mode: source.mode, id: record.id, isTwin: true };
}

/** Trees that are served or may be switched to: live first. */
export function heldSlots(state: State): Slot[] {
  const numbers = [state.live, state.backup, state.staging?.complete ? state.staging.slot : null];
  return numbers.flatMap((number) => {
    const slot = slotOf(state, number);
    return slot?.held && slot.formerDirectory === null ? [slot] : [];
  });
}
