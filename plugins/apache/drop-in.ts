// The text of the file that points Apache at a site: a whole virtual host, or what one of the operator's own includes. Pure; it is
// the same text until the configuration changes, so that publishing content never reloads Apache.

import { urlPattern } from 'treecast/plugin';
import { type ApacheConfig, allowedClasses, type ServerSettings } from './apache-config.ts';
import { mediaTypes } from './media-types.ts';
import { escapePattern, quoteArgument as quote, quotePath } from './quote-argument.ts';
import { hiddenNames, type RewriteFacts, rewriteRules } from './rewrite-rules.ts';

export interface DropInFacts extends RewriteFacts {
  readonly site: string;
  readonly liveLink: string;
}

/** The first line of every file of ours; a file without it is never replaced. */
export const dropInMark = '# Written by Treecast (plugin apache)';

export function dropIn(config: ApacheConfig, facts: DropInFacts): string {
  const { site } = facts;
  const server = config.servers[site];
  const lines = directives(config, facts);
  return [
    `${dropInMark} for the site ${site}. It is replaced when it differs: change agent.yaml instead.`,
    ...(server === undefined ? lines : virtualHost(server, lines)),
    '',
  ].join('\n');
}

function virtualHost(
  { listen, serverName, aliases, tls }: ServerSettings,
  lines: readonly string[],
): string[] {
  return section('VirtualHost', listen.map(quote).join(' '), [
    `ServerName ${quote(serverName)}`,
    ...(aliases.length === 0 ? [] : [`ServerAlias ${aliases.map(quote).join(' ')}`]),
    ...(tls === undefined
      ? []
      : [
          'SSLEngine on',
          `SSLCertificateFile ${quotePath(tls.certificate)}`,
          `SSLCertificateKeyFile ${quotePath(tls.key)}`,
        ]),
    ...lines,
  ]);
}

function directives(config: ApacheConfig, facts: DropInFacts): string[] {
  const { directory, liveLink, kept } = facts;
  const { twins, keptAssets, errorPage, treeHeader, releaseHeader } = config;
  const places = [liveLink, `${directory}/trees`];
  const hidden = `^${escapePattern(directory)}/(?:live|trees/[^/]+)/(?:.+/)?${hiddenNames}`;
  return [
    `DocumentRoot ${quotePath(liveLink)}`,
    // The live link itself is followed, whatever is said of directories further up.
    ...section('Directory', quotePath(directory), ['Options FollowSymLinks', 'AllowOverride None']),
    ...places.flatMap((path) => section('Directory', quotePath(path), ofDirectory(config))),
    ...(keptAssets === undefined || kept === null
      ? []
      : section('Directory', quotePath(`${directory}/${kept}`), ofKept(config))),
    ...section('DirectoryMatch', quote(hidden), ['Require all denied']),
    ...(errorPage === undefined ? [] : [`ErrorDocument 404 ${quote(`/${errorPage}`)}`]),
    ...(keptAssets === undefined
      ? []
      : section('LocationMatch', quote(urlPattern(keptAssets.paths)), ['ErrorDocument 404 default'])),
    ...rewriteRules(config, facts),
    ...(facts.map === null
      ? []
      : [
          `Header always set ${treeHeader} "%{TREECAST_TREE}e" env=TREECAST_TREE`,
          `Header always set ${releaseHeader} "%{TREECAST_RELEASE}e" env=TREECAST_RELEASE`,
        ]),
    ...(twins === undefined
      ? []
      : [
          'Header set Content-Encoding "%{TREECAST_ENCODING}e" env=TREECAST_ENCODING',
          'Header merge Vary Accept-Encoding env=TREECAST_VARY',
        ]),
  ];
}

function ofDirectory(config: ApacheConfig): string[] {
  const classes = allowedClasses(config);
  return [
    'Options FollowSymLinks',
    `AllowOverride ${classes.length === 0 ? 'None' : config.allowOverride === 'All' ? 'All' : classes.join(' ')}`,
    `DirectoryIndex ${config.index.map(quote).join(' ')}`,
    ...(config.fallback === undefined ? [] : [`FallbackResource ${quote(`/${config.fallback}`)}`]),
    ...ofFiles(config),
    ...section('FilesMatch', quote(`^${hiddenNames}`), ['Require all denied']),
  ];
}

function ofKept(config: ApacheConfig): string[] {
  return ['Options None', 'AllowOverride None', ...ofFiles(config)];
}

/** ETags are the same on every node: nothing of the inode is in them. */
function ofFiles({ twins }: ApacheConfig): string[] {
  return [
    'Require all granted',
    'FileETag MTime Size',
    ...(twins === undefined
      ? []
      : [
          ...[...mediaTypes].map(
            ([type, extensions]) => `AddType ${type} ${extensions.map((one) => `.${one}`).join(' ')}`,
          ),
          // A twin's own suffix says nothing: `.br` is also a language, `.gz` also an encoding.
          ...section('If', quote("-n reqenv('TREECAST_ENCODING')"), [
            'RemoveEncoding .gz .br .zst',
            'RemoveLanguage .br',
          ]),
        ]),
  ];
}

function section(name: string, argument: string, lines: readonly string[]): string[] {
  return [`<${name} ${argument}>`, ...lines.map((line) => `  ${line}`), `</${name}>`];
}
