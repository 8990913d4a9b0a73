// Which codec and cipher a path may have, by a site's policy: the first matching glob decides.
// A glob without a slash is matched against the file name (`*.gif`), one with a slash against the whole path (`img/**`).

import picomatch from 'picomatch';
import type { Cipher } from '../model/assignment.ts';
import type { CompressionChoice, SitePolicy } from '../model/site.ts';

export interface ContentRule {
  readonly codec: CompressionChoice;
  readonly cipher: Cipher;
}

export type ContentPolicy = (path: string) => ContentRule;

export function createContentPolicy(policy: Pick<SitePolicy, 'compression' | 'encryption'>): ContentPolicy {
  const codecOf = firstMatch(policy.compression, (rule) => rule.codec, 'auto');
  const cipherOf = firstMatch(policy.encryption, (rule) => rule.cipher, 'aes-256-gcm');
  return (path) => ({ codec: codecOf(path), cipher: cipherOf(path) });
}

function firstMatch<R extends { readonly glob: string }, V>(
  rules: readonly R[],
  choiceOf: (rule: R) => V,
  none: V,
): (path: string) => V {
  const compiled = rules.map((rule) => ({
    matches: picomatch(rule.glob, { dot: true, basename: !rule.glob.includes('/') }),
    value: choiceOf(rule),
  }));
  return (path) => compiled.find(({ matches }) => matches(path))?.value ?? none;
}
