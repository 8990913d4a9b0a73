// Paths inside Git trees: kept as latin1 strings (one character a byte) while trees are walked, so that comparing strings is
// comparing bytes; turned into UTF-8 at the edge, or refused.

import { isUtf8 } from 'node:buffer';
import { TreecastError } from '../model/treecast-error.ts';
import { checkPathLength } from './tree-limits.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the range meant
const asciiPattern = /^[\x00-\x7f]*$/;

/** `path` is latin1. */
export function emptyDirectory(path: string): TreecastError {
  const shown = decodePath(path);
  return new TreecastError('PATH_FORBIDDEN', `The directory "${shown}" is empty; Git itself keeps none.`, {
    fix: 'Commit again with git itself, or put a file into it.',
    data: { path: shown },
  });
}

/** Throws PATH_NOT_UTF8, and PATH_FORBIDDEN for a path longer than any server can hold. */
export function decodePath(latin1: string): string {
  checkPathLength(latin1);
  if (asciiPattern.test(latin1)) return latin1;
  const bytes = Buffer.from(latin1, 'latin1');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const shown = latin1.replace(
    /[^\x21-\x7e ]/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  throw new TreecastError('PATH_NOT_UTF8', `The name "${shown}" is not UTF-8.`, {
    fix: 'Rename it to a UTF-8 name and commit again.',
    data: { path: shown },
  });
}
