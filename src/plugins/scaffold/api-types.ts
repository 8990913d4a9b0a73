// Where TypeScript finds the types that a plugin is written with, in this very installation: sources in a checkout, declarations in a package.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute paths. */
export interface ApiTypes {
  /** Of `treecast/plugin`. */
  readonly api: string;
  /** Of `treecast/plugin/testing`. */
  readonly testing: string;
  /** The directory that has Node's types; undefined where this installation has none. */
  readonly typeRoots: string | undefined;
}

export function apiTypes(): ApiTypes {
  const end = import.meta.url.endsWith('.ts') ? 'ts' : 'd.ts';
  const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
  return {
    api: pathOf(`../index.${end}`),
    testing: pathOf(`../testing/index.${end}`),
    typeRoots: nodeTypes(),
  };
}

function nodeTypes(): string | undefined {
  const places = createRequire(import.meta.url).resolve.paths('@types/node') ?? [];
  const found = places
    .map((place) => `${place}/@types/node`)
    .find((place) => existsSync(`${place}/package.json`));
  return found && dirname(found);
}
