// Which modules a TypeScript file names: static and dynamic imports, re-exports, and files handed to `new URL(…, import.meta.url)`.
// Reads text that the formatter has normalised; comments are taken out first.

import { posix } from 'node:path';
import type { SourceFile } from './source-files.ts';

export interface Import {
  /** The importing file. */
  readonly from: string;
  readonly specifier: string;
  /** The imported file for a relative specifier, from the repository's root. */
  readonly target: string | undefined;
}

const forms: readonly RegExp[] = [
  /^\s*(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]/g,
  /\bnew URL\(\s*['"](\.{1,2}\/[^'"]+\.ts)['"],\s*import\.meta\.url/g,
  /\bimport\.meta\.resolve\(\s*['"]([^'"]+)['"]/g,
];

export function readImports(file: SourceFile): Import[] {
  const text = file.text.replace(/^\s*\/\/.*$/gm, '').replace(/\/\*\*?[\s\S]*?\*\//g, '');
  const specifiers = new Set<string>();
  for (const form of forms) {
    for (const match of text.matchAll(form)) specifiers.add(match[1] as string);
  }
  return [...specifiers].map((specifier) => ({
    from: file.path,
    specifier,
    target: specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : undefined,
  }));
}
