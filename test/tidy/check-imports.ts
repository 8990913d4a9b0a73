// Judges imports against the rules: every arrow must be in the table or named as an allowance, and every allowance must be used.

import { ambientThings, type FolderRule, type ImportRules } from './import-rules.ts';
import { type Import, readImports } from './read-imports.ts';
import type { SourceFile } from './source-files.ts';

/** Problems, one line each: what, why, and what to do. */
export function checkImports(files: readonly SourceFile[], rules: ImportRules): string[] {
  const problems: string[] = [];
  const used = new Set<number>();
  for (const file of files) {
    if (!file.path.endsWith('.ts') && !file.path.endsWith('.tsx')) continue;
    const rule = ruleOf(file.path, rules);
    if (!rule) {
      problems.push(
        `${file.path}: no folder of import-rules.ts holds it; put it where the layout has a place for it`,
      );
      continue;
    }
    for (const imported of readImports(file)) {
      const problem = judge(imported, rule, rules, used);
      if (problem) problems.push(problem);
    }
    if (rule.pure && !file.path.endsWith('.test.ts')) problems.push(...impurities(file));
  }
  rules.allowances.forEach((allowance, index) => {
    if (!used.has(index))
      problems.push(
        `stale allowance ${allowance.from} → ${allowance.to}: no file uses it any more; remove it`,
      );
  });
  return problems;
}

function ruleOf(path: string, rules: ImportRules): FolderRule | undefined {
  return rules.folders.find((rule) => isWithin(path, rule.folder));
}

function isWithin(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

function judge(
  imported: Import,
  rule: FolderRule,
  rules: ImportRules,
  used: Set<number>,
): string | undefined {
  const { from, specifier, target } = imported;
  if (target === undefined) {
    if (rule.packages === undefined || rule.packages.includes(specifier)) return undefined;
    if (specifier.startsWith('node:') && rule.packages.includes('node:*')) return undefined;
    // A test of a pure folder needs the test runner; nothing else.
    if (from.endsWith('.test.ts') && (specifier.startsWith('node:') || specifier === 'fast-check'))
      return undefined;
    return `${from} imports ${specifier}: ${rule.folder} may import only ${rule.packages.join(', ') || 'its own files'}`;
  }
  if (isWithin(target, rule.folder) || rule.mayImport.some((folder) => isWithin(target, folder)))
    return undefined;
  const allowed = rules.allowances.findIndex(
    (allowance) => covers(allowance.from, from) && covers(allowance.to, target),
  );
  if (allowed >= 0) {
    used.add(allowed);
    return undefined;
  }
  return `${from} imports ${target}: ${rule.folder} may import only ${rule.mayImport.join(', ') || 'its own files'}`;
}

function covers(place: string, path: string): boolean {
  return place.endsWith('/') ? path.startsWith(place) : path === place;
}

function impurities(file: SourceFile): string[] {
  const code = file.text.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
  return ambientThings
    .filter((thing) => thing.pattern.test(code))
    .map((thing) => `${file.path}: uses ${thing.name}; ${thing.instead}`);
}
