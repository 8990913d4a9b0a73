// Plain text tables: columns as wide as their widest cell, two spaces between, no frames.

import { stripVTControlCharacters } from 'node:util';

/** `headings` and every row have the same number of cells; cells may hold colours. Returns lines without line ends. */
export function tableLines(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column] ?? ''))));
  return all.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - displayWidth(cell)))
      .join('  ')
      .trimEnd(),
  );
}

function displayWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
