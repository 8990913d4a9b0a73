// What a plugin's schema found wrong, in the words of the part that found it: where alternatives or keys of a record are wrong, the
// schema's own message says no more than "Invalid input".

import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

export interface InnermostIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export function innermostIssues(
  issues: readonly Issue[],
  above: readonly PropertyKey[] = [],
): InnermostIssue[] {
  return issues.flatMap((issue) => {
    const path = [...above, ...issue.path];
    const within = partsOf(issue);
    return within.length > 0 ? innermostIssues(within, path) : [{ path, message: issue.message }];
  });
}

function partsOf(issue: Issue): readonly Issue[] {
  if (issue.code === 'invalid_key' || issue.code === 'invalid_element') return issue.issues;
  if (issue.code !== 'invalid_union') return [];
  // Alternatives for another type, or for another word, were not meant.
  const meant = issue.errors.filter((found) => !found.some(isAnotherThing));
  return meant.length === 1 ? (meant[0] ?? []) : [];
}

function isAnotherThing({ code, path }: Issue): boolean {
  return (code === 'invalid_type' || code === 'invalid_value') && path.length === 0;
}
