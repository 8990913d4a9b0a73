// What people are told of a purge: one line when it went well; otherwise which caches owe how much, why, and what to do.

import { PluginError } from 'treecast/plugin';
import type { TargetResult } from './purge-target.ts';
import { everythingItem, missingItem } from './purge-work.ts';

const urlsNamedMax = 10;

/** One line, such as `3 URLs purged in 6 calls: varnish (2 held, holds 41 known objects)`. */
export function purgeNote(urls: number, results: readonly TargetResult[]): string {
  const calls = results.reduce((sum, result) => sum + result.calls, 0);
  const each = results.map(({ label, held, knownCount, keepsMissing }) => {
    const facts = [
      ...(held === undefined ? [] : [`${held} held`]),
      `holds ${knownCount} known objects`,
      ...(keepsMissing ? ['keeps what it cached as missing until that expires'] : []),
    ];
    return `${label} (${facts.join(', ')})`;
  });
  return `${urls} URLs purged in ${calls} calls: ${each.join('; ')}`;
}

/** When a part was refused, and the rest is purged once more. */
export function partialNote(results: readonly TargetResult[], { message }: PluginError): string {
  const each = results.map(({ label, settled }) => `${label} forgot ${settled} URLs`);
  return `${message}; ${each.join('; ')}; all are tried once more`;
}

/** Undefined when nothing is wrong. */
export function purgeProblem(results: readonly TargetResult[]): PluginError | undefined {
  const problems: string[] = [];
  const fixes = new Set<string>();
  let retryable = false;
  for (const { label, due, owed, refused, stale, impossible } of results) {
    if (owed !== null) {
      retryable = true;
      problems.push(`${label} owes ${owed.items.length} of ${due} URLs (${owed.reason})`);
      fixes.add(
        owed.denied
          ? 'Let this machine purge there (its ACL, the secret or the token).'
          : 'Look why the cache does not answer; what it owes is purged when it does.',
      );
    }
    if (stale.length > 0) {
      retryable = true;
      const seen = stale.map(({ url, seen: what }) => `${url} (${what})`);
      problems.push(`${label} still answers with old objects: ${named(seen)}`);
      fixes.add('Look whether the cache or something before it keeps these under another key.');
    }
    if (refused.length > 0) {
      const urls = refused.flatMap(({ items }) => items);
      problems.push(`${label} refused ${urls.length} URLs (${refused[0]?.reason}): ${named(urls)}`);
      fixes.add(
        'Correct the URL map or the cache’s configuration; trying the refused ones again cannot help.',
      );
    }
    if (impossible !== null) {
      problems.push(impossible.message);
      if (impossible.fix !== undefined) fixes.add(impossible.fix);
    }
  }
  if (problems.length === 0) return undefined;
  return new PluginError(problems.join('; '), { fix: [...fixes].join(' '), retryable });
}

function named(urls: readonly string[]): string {
  const rest = urls.length - urlsNamedMax;
  return urls.slice(0, urlsNamedMax).map(inWords).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function inWords(item: string): string {
  if (item === everythingItem) return 'everything';
  return item === missingItem ? 'what it cached as missing' : item;
}
