// Shows changing lines: redrawn in place on a terminal, printed one state after the other everywhere else.

import { stripVTControlCharacters } from 'node:util';
import type { Output } from './output.ts';

export interface LiveView {
  draw(lines: readonly string[]): void;
}

export function createLiveView(output: Output): LiveView {
  let drawn = 0;
  return {
    draw(lines) {
      if (!output.isInteractive) {
        for (const line of lines) output.text(line);
        output.text();
        return;
      }
      const shown = cut(lines, output.columns, output.rows - 1);
      // One write, so that the terminal never shows half of it: up to the first line, clear to the end, new lines.
      output.raw(
        `${drawn === 0 ? '' : `\u001b[${drawn}A\r\u001b[0J`}${shown.map((line) => `${line}\n`).join('')}`,
      );
      drawn = shown.length;
    },
  };
}

/** Lines that wrap or scroll away could not be redrawn. */
function cut(lines: readonly string[], columns: number, rows: number): string[] {
  const shown =
    lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`];
  return shown.map((line) => {
    const plain = stripVTControlCharacters(line);
    return [...plain].length <= columns ? line : `${[...plain].slice(0, columns - 1).join('')}…`;
  });
}
