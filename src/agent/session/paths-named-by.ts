// Which paths of the live tree an error of staging names. Looks at nothing on disk.

import type { TreecastError } from '../../model/treecast-error.ts';

export function pathsNamedBy({ data }: TreecastError): string[] {
  const { path, drift } = data ?? {};
  const listed = Array.isArray(drift) ? drift.map((each: { readonly path?: unknown }) => each.path) : [];
  return [path, ...listed].filter((named) => typeof named === 'string' && named !== '') as string[];
}
