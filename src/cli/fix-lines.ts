// What can be done about errors of a table's rows: below the table, where there is room for whole sentences.

import type { WireError } from '../model/treecast-error.ts';
import { printable } from './printable.ts';

/** Two lines for each row that has an error with a fix: what happened, and what to do. */
export function fixLines(
  rows: readonly { readonly name: string; readonly error: WireError | null }[],
): string[] {
  return rows.flatMap(({ name, error }) =>
    error?.fix === undefined
      ? []
      : [`${name}: ${printable(error.message)} [${error.code}]`, `  fix: ${printable(error.fix)}`],
  );
}
