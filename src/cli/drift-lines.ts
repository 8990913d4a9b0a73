// Files that somebody changed on a node, as lines for people: how many, since when, and the first of them.

import type { DriftResource } from '../model/api.ts';
import { printable } from './printable.ts';
import { countText, timeText } from './text.ts';

const shownMax = 10;

/** `name`: the node, or the site where a node is shown. */
export function driftLines(name: string, { count, since, paths }: DriftResource): string[] {
  const shown = paths.slice(0, shownMax).map(({ path, problem }) => `  ${problem}  ${printable(path)}`);
  const more = count > shown.length ? [`  and ${count - shown.length} more`] : [];
  return [
    `${name}: ${countText(count, 'path')} changed on the server, since ${timeText(since)}:`,
    ...shown,
    ...more,
  ];
}
