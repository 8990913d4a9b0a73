// What may be a name, a branch or a label. Everything else in the registry trusts that these were asked.

import { namePattern } from '../../model/site.ts';
import { TreecastError } from '../../model/treecast-error.ts';

type Named = 'site' | 'repository' | 'group' | 'node' | 'segment';

const labelsMax = 32;
const labelPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
const labelValuePattern = /^[^\p{Cc}]{0,128}$/u;

/** Git's rules for a branch (git check-ref-format), without `refs/heads/`; stricter in that 200 characters are the limit. */
const notABranch = /^[-/.]|[\p{Cc} ~^:?*[\\]|\.\.|\/\.|\/\/|@\{|\.lock(?:\/|$)|[/.]$|^@$|^$/u;

export function isBranchName(branch: string): boolean {
  return branch.length <= 200 && branch.isWellFormed() && !notABranch.test(branch);
}

export function isLabelName(name: string): boolean {
  return labelPattern.test(name);
}

export function isLabelValue(value: string): boolean {
  return labelValuePattern.test(value);
}

/** Throws INVALID_INPUT. */
export function requireName(what: Named, name: string): void {
  if (namePattern.test(name)) return;
  throw new TreecastError('INVALID_INPUT', `${JSON.stringify(name)} cannot be the name of a ${what}.`, {
    fix: 'Use 1–64 of a–z, 0–9, dot, underscore and hyphen, with a letter or digit at both ends.',
  });
}

/** Throws INVALID_INPUT. */
export function requireBranch(branch: string): void {
  if (isBranchName(branch)) return;
  throw new TreecastError('INVALID_INPUT', `${JSON.stringify(branch)} cannot be a branch.`, {
    fix: 'Give the branch as git prints it, without refs/heads/, for instance main.',
  });
}

/** Throws INVALID_INPUT. */
export function requireLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels);
  const wrong = entries.find(([name, value]) => !isLabelName(name) || !isLabelValue(value));
  if (!wrong && entries.length <= labelsMax) return;
  throw new TreecastError(
    'INVALID_INPUT',
    wrong
      ? `${JSON.stringify(wrong[0])}: ${JSON.stringify(wrong[1])} cannot be a label.`
      : `There are ${entries.length} labels, at most ${labelsMax} are allowed.`,
    {
      fix: 'Use at most 32 labels; names have letters, digits, dot, slash, underscore and hyphen (at most 63), values at most 128 characters without control characters.',
    },
  );
}
