// What Treecast writes for a site: the locations that serve its live tree. The live link is resolved once for a request, into
// `$treecast_root`: file and header are of one release, and every release has paths of its own. Built with nginx-conf, never pasted.

import { NginxConfFile } from 'nginx-conf';
import { urlPattern } from 'treecast/plugin';
import type { Configuration, ServerSettings } from './configuration.ts';
import { quotePath, quoteValue } from './quote-value.ts';

type NginxConfItem = NginxConfFile['nginx'];

export interface IncludeFacts {
  readonly site: string;
  readonly liveLink: string;
  /** Where kept assets lie. */
  readonly keptDirectory: string;
  /** The file with the repository's own configuration; null when it may bring none. */
  readonly siteFile: string | null;
  /** Which of `gzip_static`, `brotli_static` and `zstd_static` this nginx has. */
  readonly modules: ReadonlySet<StaticModule>;
}

export const staticModules = ['gzip_static', 'brotli_static', 'zstd_static'] as const;
export type StaticModule = (typeof staticModules)[number];

const moduleOf = { gzip: 'gzip_static', br: 'brotli_static', zstd: 'zstd_static' } as const;

/** The names that dotfiles begin with; what lies in `.well-known` is public by its meaning. */
const hiddenNames = '/\\.(?!well-known(?:/|$))';

/**
 * The repository's configuration is for nginx and not for readers: its path, its twins, and what a URL without its suffix would find.
 * A slash may be doubled: `merge_slashes` may be off.
 */
function unpublishedPattern(path: string, cleanUrls: readonly string[]): string {
  const stems = cleanUrls.flatMap((suffix) => (path.endsWith(suffix) ? [path.slice(0, -suffix.length)] : []));
  const literal = (text: string): string => text.replaceAll(/[.+]/g, '\\$&').replaceAll('/', '/+');
  return `^/+(?:${[`${literal(path)}(?:\\.(?:gz|br|zst))?`, ...stems.map(literal)].join('|')})$`;
}

export function includeFile(config: Configuration, facts: IncludeFacts): string {
  const file = emptyFile();
  const server = serverOf(config, facts.site);
  const said = [
    ` Written by Treecast for the site ${facts.site}, and again whenever it differs: change Treecast's configuration instead.`,
  ];
  if (server === undefined) {
    fill(file.nginx, config, facts, said);
  } else {
    file.nginx._add('server', null, [], said);
    const block = file.nginx['server']?.[0];
    if (block) {
      listenOn(block, server);
      fill(block, config, facts, []);
    }
  }
  return file.toString();
}

/** What stays when a configuration of the operator's names the file of a site that is gone. */
export function emptyIncludeFile(config: Configuration, site: string): string {
  const file = emptyFile();
  const said = [
    ` Left by Treecast: the site ${site} was taken from this node, but a configuration still includes this file.`,
  ];
  // Beside server blocks nothing is said for one.
  if (serverOf(config, site)) return `#${said.join('')}\n`;
  file.nginx._add('return', '404', null, said);
  return file.toString();
}

function serverOf({ servers }: Configuration, site: string): ServerSettings | undefined {
  return Object.hasOwn(servers, site) ? servers[site] : undefined;
}

function emptyFile(): NginxConfFile {
  let made: NginxConfFile | undefined;
  NginxConfFile.createFromSource('', (_, file) => {
    made = file;
  });
  if (!made) throw new Error('nginx-conf made no file');
  return made;
}

function listenOn(block: NginxConfItem, { listen, serverName, tls }: ServerSettings): void {
  for (const one of listen) block._add('listen', one);
  if (serverName.length > 0) block._add('server_name', serverName.map(quoteValue).join(' '));
  if (!tls) return;
  block._add('ssl_certificate', quotePath(tls.certificate));
  block._add('ssl_certificate_key', quotePath(tls.key));
}

function fill(block: NginxConfItem, config: Configuration, facts: IncludeFacts, said: string[]): void {
  // nginx-conf writes directives of one name together: none below depends on another order than that of the names.
  block._add('root', quotePath(facts.liveLink), null, said);
  // Without a tree the resolved path is empty, and an empty root would be the root of this node: then it is the link, which leads nowhere.
  block._add('set', `$treecast_root ${quotePath(facts.liveLink)}`);
  block._add('set', '$treecast_release none');
  block._add('if', `($realpath_root ~ ${quoteValue('^(/.+/trees/([^/]+))$')})`, []);
  block['if']?.[0]?._add('set', '$treecast_root $1');
  block['if']?.[0]?._add('set', '$treecast_release $2');
  block._add('add_header', `${config.releaseHeader} $treecast_release always`);
  block._add('index', config.index.map(quoteValue).join(' '));
  if (config.errorPage !== undefined) block._add('error_page', `404 ${quoteValue(`/${config.errorPage}`)}`);

  const hidden = location(block, `~ ${quoteValue(hiddenNames)}`);
  hidden._add('return', '404');
  if (config.siteConfiguration) hideConfiguration(block, config, config.siteConfiguration.path);
  if (config.keptAssets) addAssets(block, config, facts);
  const all = location(block, '/');
  serveTree(all, config, facts);
  const tried = triedFor(config);
  if (tried !== null) all._add('try_files', tried);
  // Last: the locations above win over the repository's patterns.
  if (facts.siteFile !== null) block._add('include', quotePath(facts.siteFile));
}

/** Before the locations of assets: the path may be among theirs. */
function hideConfiguration(block: NginxConfItem, { cleanUrls }: Configuration, path: string): void {
  // An exact location wins over every pattern, and the repository cannot have a second one.
  for (const value of [`= ${quoteValue(`/${path}`)}`, `~ ${quoteValue(unpublishedPattern(path, cleanUrls))}`])
    location(block, value)._add('return', '404');
}

function addAssets(block: NginxConfItem, config: Configuration, facts: IncludeFacts): void {
  const assets = location(block, `~ ${quoteValue(urlPattern(config.keptAssets?.paths ?? []))}`);
  serveTree(assets, config, facts);
  if (config.assetExpires !== undefined) assets._add('expires', config.assetExpires);
  assets._add('try_files', '$uri @treecast_kept');
  const kept = location(block, '@treecast_kept');
  kept._add('set', '$treecast_release kept');
  for (const [name, value] of twinPairs(config, facts.modules)) kept._add(name, value);
  kept._add('root', quotePath(facts.keptDirectory));
  // The same path may be kept with other bytes later.
  kept._add('open_file_cache', 'off');
  if (config.assetExpires !== undefined) kept._add('expires', config.assetExpires);
  kept._add('try_files', '$uri @treecast_missing');
  const missing = location(block, '@treecast_missing');
  // Without types of its own the name's suffix would say what it is.
  missing._add('types', null, []);
  missing._add('default_type', 'text/plain');
  missing._add('return', `404 ${quoteValue('not found')}`);
}

type Pair = readonly [name: string, value: string];

/** What every location that serves the tree has, the repository's too. */
export function everyLocation(config: Configuration, modules: ReadonlySet<StaticModule>): string[] {
  return treePairs(config, modules).map(([name, value]) => `${name} ${value}`);
}

function treePairs(config: Configuration, modules: ReadonlySet<StaticModule>): Pair[] {
  const cache: Pair[] = config.openFileCache === 'off' ? [['open_file_cache', 'off']] : [];
  return [['root', '$treecast_root'], ...cache, ...twinPairs(config, modules)];
}

function twinPairs({ twins }: Configuration, modules: ReadonlySet<StaticModule>): Pair[] {
  const usable = (twins?.encodings ?? [])
    .map((encoding) => moduleOf[encoding])
    .filter((name) => modules.has(name));
  const vary: Pair[] = usable.includes('gzip_static') ? [['gzip_vary', 'on']] : [];
  return [...usable.map((name): Pair => [name, 'on']), ...vary];
}

function serveTree(block: NginxConfItem, config: Configuration, { modules }: IncludeFacts): void {
  for (const [name, value] of treePairs(config, modules)) block._add(name, value);
}

/** Null: nginx's own way with files and directories is all that is wanted. */
function triedFor({ cleanUrls, fallback }: Configuration): string | null {
  if (cleanUrls.length === 0 && fallback === undefined) return null;
  const last = fallback === undefined ? '=404' : quoteValue(`/${fallback}`);
  return ['$uri', ...cleanUrls.map((suffix) => `$uri${suffix}`), '$uri/', last].join(' ');
}

function location(block: NginxConfItem, value: string): NginxConfItem {
  block._add('location', value, []);
  const made = block['location']?.at(-1);
  if (!made) throw new Error('nginx-conf made no location');
  return made;
}
