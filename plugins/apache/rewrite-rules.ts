// The rules of mod_rewrite in a drop-in: one look at what is live per request, then everything is of that release. Also what is served from
// precompressed twins and from kept assets. It decides nothing about files on disk.

import { urlPattern } from 'treecast/plugin';
import type { ApacheConfig } from './apache-config.ts';
import { acceptsPattern, mediaTypes, twinEncodings } from './media-types.ts';
import { escapePattern, quoteRewrite as quote, quotePath } from './quote-argument.ts';

export interface RewriteFacts {
  readonly map: { readonly name: string; readonly file: string } | null;
  /** The site's directory: `live`, `trees/<release>` and what is kept lie below. */
  readonly directory: string;
  /** Relative to it; null when nothing is kept. */
  readonly kept: string | null;
}

interface Rule {
  /** Pairs of test string and pattern. */
  readonly when?: readonly (readonly [string, string])[];
  readonly pattern: string;
  readonly to?: string;
  readonly flags: readonly string[];
}

/** Everything that begins with a dot, but .well-known. */
export const hiddenNames = '\\.(?!well-known(?:/|$))';
const place = '%{ENV:TREECAST_AT}';
const anyPath = '^/.*';

/** Empty when mod_rewrite is not needed. */
export function rewriteRules(config: ApacheConfig, facts: RewriteFacts): string[] {
  const { twins, keptAssets } = config;
  if (facts.map === null && twins === undefined && keptAssets === undefined) return [];
  // quotePath refuses what would not mean itself here.
  const root = quotePath(facts.directory).slice(1, -1);
  const rules: Rule[] = [
    { pattern: `/${hiddenNames}`, flags: ['R=404', 'L'] },
    ...(facts.map === null ? [] : whatIsLive(facts.map.name, root)),
    { when: [[place, '^$']], pattern: '^', flags: ['E=TREECAST_AT:live'] },
    ...(keptAssets === undefined || facts.kept === null ? [] : keptRules(keptAssets.paths, facts.kept, root)),
    ...(twins === undefined ? [] : twinRules(twins.encodings, root)),
    { when: [[place, '!^live$']], pattern: anyPath, to: `${root}/${place}$0`, flags: ['L'] },
  ];
  // A file name with a question mark would become a query; the live link has it. And elsewhere the operator's own rules answer.
  const others = config.except.map((prefix) => `^${escapePattern(prefix.replace(/\/+$/, ''))}(?:/|$)`);
  const skipped: Rule = {
    when: [['%{REQUEST_URI}', ['\\?', ...others].join('|')]],
    pattern: '^',
    flags: [`S=${rules.length}`],
  };
  const { map } = facts;
  const lines = [
    'RewriteEngine On',
    ...(map === null ? [] : [`RewriteMap ${quote(map.name)} ${quotePath(`txt:${map.file}`)}`]),
    ...[skipped, ...rules].flatMap(written),
  ];
  return map === null ? lines : [`<IfFile ${quotePath(map.file)}>`, ...lines, '</IfFile>'];
}

/** The map's value is `<release>:<tree>`; a sub-request keeps what its request found. */
function whatIsLive(map: string, root: string): Rule[] {
  return [
    {
      when: [
        [place, '^$'],
        [`\${${map}:live}`, '^([0-9]+-[0-9]+):([0-9a-f]+)$'],
        [`${root}/trees/%1`, '-d'],
      ],
      pattern: '^',
      flags: ['E=TREECAST_AT:trees/%1', 'E=TREECAST_RELEASE:%1', 'E=TREECAST_TREE:%2'],
    },
  ];
}

function keptRules(paths: readonly string[], kept: string, root: string): Rule[] {
  const pattern = urlPattern(paths);
  return [
    {
      when: [
        [`${root}/${place}$0`, '!-f'],
        [`${root}/${kept}$0`, '-f'],
      ],
      pattern,
      flags: [`E=TREECAST_AT:${kept}`, 'E=!TREECAST_RELEASE', 'E=!TREECAST_TREE'],
    },
    { when: [[`${root}/${place}$0`, '!-f']], pattern, flags: ['R=404', 'L'] },
  ];
}

function twinRules(policies: readonly string[], root: string): Rule[] {
  const all = [...mediaTypes.values()].flat().join('|');
  const rules: Rule[] = [{ pattern: `\\.(?:${all})$`, flags: ['E=TREECAST_VARY:1'] }];
  for (const { encoding, policy, suffix } of twinEncodings) {
    if (!policies.includes(policy)) continue;
    for (const [type, extensions] of mediaTypes) {
      const twin = `${root}/${place}$0${suffix}`;
      rules.push({
        when: [
          ['%{HTTP:Accept-Encoding}', acceptsPattern(encoding)],
          [twin, '-f'],
        ],
        pattern: `^/.*\\.(?:${extensions.join('|')})$`,
        to: twin,
        flags: [`T=${type}`, `E=TREECAST_ENCODING:${encoding}`, 'E=no-gzip:1', 'E=no-brotli:1', 'L'],
      });
    }
  }
  return rules;
}

function written({ when = [], pattern, to = '-', flags }: Rule): string[] {
  return [
    ...when.map(([text, condition]) => `RewriteCond ${quote(text)} ${quote(condition)}`),
    `RewriteRule ${quote(pattern)} ${quote(to)} [${flags.join(',')}]`,
  ];
}
