// What hears of changed pages.

import type { ContentEvent, HookCall } from 'treecast/plugin';
import type { ChangedPages } from './changed-pages.ts';

export interface PagesEvent extends ChangedPages {
  readonly content: ContentEvent;
  readonly origin: string;
  /** Where the tree is mounted: `/`, or a path with slashes around it. */
  readonly prefix: string;
}

export interface SearchTarget {
  /** For people; no secret. */
  readonly title: string;
  /** Answers what it did, in a few words. Throws a PluginError. Repeating it does no harm. */
  reindex(event: PagesEvent, call: HookCall): Promise<string>;
}
