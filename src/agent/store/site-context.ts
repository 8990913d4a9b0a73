// What the parts of one site's store work with. Holds handles and the little state that a crash may forget; decides nothing.

import type { Steps } from '../../slices/slices.ts';
import type { Disk } from './disk.ts';
import type { Inbox } from './inbox.ts';
import type { Modes } from './interpreter.ts';
import type { Journal } from './journal.ts';
import type { Lag } from './lag.ts';
import type { Layout, LayoutHandles } from './layout.ts';
import type { Reserve } from './reserve.ts';
import type { TreeIndex } from './tree-index.ts';
import type { TwinRecords } from './twin-records.ts';

/** A tree being made by hard links; unknown to the journal until it is whole. */
export interface TreeInMaking {
  readonly directory: string;
  /** Slot it is made from: never written while it is live or backup. */
  readonly source: number;
  /** Where live moved away from the source meanwhile. */
  lag: Lag;
  readonly steps: Steps;
  close(): void;
}

export interface SiteContext {
  readonly disk: Disk;
  /** Where the store itself works: through open directories. */
  readonly layout: Layout;
  /** The same as paths that other programs understand. */
  readonly paths: Layout;
  readonly journal: Journal;
  readonly reserve: Reserve;
  readonly index: TreeIndex;
  readonly inbox: Inbox;
  /** Used only when the journal says that there may be twins. */
  readonly twins: TwinRecords;
  readonly handles: LayoutHandles;
  /** By the site's policy; its owner is null also where that is not known on this node. */
  readonly modes: () => Modes;
  /** A fresh absolute name on the trees' file system, outside every tree. */
  readonly temporary: () => string;
  making: TreeInMaking | null;
  /** Names in `trees/` to be removed in the background. */
  readonly trash: string[];
}
