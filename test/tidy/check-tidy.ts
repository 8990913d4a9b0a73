// Applies the tidy rules to files; knows no rule itself.

import type { SourceFile } from './source-files.ts';
import type { TidyException, TidyRule } from './tidy-rules.ts';

/** Problems, one line each: where, which rule, and what to write instead. */
export function checkTidy(
  files: readonly SourceFile[],
  rules: readonly TidyRule[],
  exceptions: readonly TidyException[],
): string[] {
  const problems: string[] = [];
  const used = new Set<TidyException>();
  for (const file of files) {
    for (const rule of rules) {
      if (!rule.applies(file.path)) continue;
      const found = rule.find(file);
      if (found.length === 0) continue;
      const exception = exceptions.find(({ rule: name, path }) => name === rule.name && path === file.path);
      if (exception) used.add(exception);
      else problems.push(...found.map((line) => `${file.path}:${line}: ${rule.name}: ${rule.instead}`));
    }
  }
  for (const exception of exceptions) {
    if (!used.has(exception))
      problems.push(
        `stale exception ${exception.rule} for ${exception.path}: nothing breaks it any more; remove it`,
      );
  }
  return problems;
}
