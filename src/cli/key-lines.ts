// The CCM's keys as lines for people.

import type { KeyResource } from '../model/api.ts';
import { tableLines } from './table.ts';
import { nothing, timeText } from './text.ts';

export function keyLines(keys: readonly KeyResource[]): string[] {
  return tableLines(
    ['KIND', 'SITE', 'STATE', 'ID', 'SINCE', 'UNTIL', 'NODES'],
    keys.map(({ kind, site, state, id, since, expiresAt, nodes }) => [
      kind,
      site ?? nothing,
      state,
      id.slice(0, 16),
      timeText(since),
      timeText(expiresAt),
      nodes === null ? nothing : String(nodes),
    ]),
  );
}
