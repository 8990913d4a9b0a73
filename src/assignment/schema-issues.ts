// Problems a schema found, as lines for people: `where: what`, at most ten.

import type { ZodError } from 'zod';

const issuesMax = 10;

export function describeIssues(error: ZodError): string[] {
  const lines = error.issues
    .slice(0, issuesMax)
    .map((issue) =>
      issue.path.length === 0 ? issue.message : `${issue.path.map(String).join('.')}: ${issue.message}`,
    );
  if (error.issues.length > issuesMax) lines.push(`and ${error.issues.length - issuesMax} more`);
  return lines;
}
