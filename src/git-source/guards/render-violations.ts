// Violations as lines for the pusher's terminal: each path with what is wrong, at most 20, then what to do.

import { escapeControls } from '../terminal-line.ts';
import type { Violation } from './violation.ts';

const shownMax = 20;

/** Without `remote: `, which Git adds; names are hostile and are shown escaped. */
export function renderViolations(violations: readonly Violation[]): string[] {
  const shown = violations.slice(0, shownMax);
  const lines = shown.map(({ code, path, text }) =>
    escapeControls(path === null ? `  ${text} [${code}]` : `  "${path}" ${text} [${code}]`),
  );
  if (violations.length > shownMax) lines.push(`  and ${violations.length - shownMax} more`);
  const fixes = [...new Set(shown.map((violation) => violation.fix))];
  return [
    'treecast: push refused, nothing was changed:',
    ...lines,
    ...fixes.map((fix) => `treecast: ${escapeControls(fix)}`),
  ];
}
