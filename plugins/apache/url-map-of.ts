// The URL map of a site, from the virtual hosts whose document root (or alias) is its live link. What cannot be told for certain is left
// out: the operator's own rules for caches come on top. Pure.

import { basename, dirname, resolve } from 'node:path';
import { pathGlob, type UrlMap, urlMapSchema } from 'treecast/plugin';
import { bareDirectories } from './bare-directories.ts';
import { type Directive, directivesNamed, withinChoices } from './read-directives.ts';

export interface SiteInFiles {
  readonly liveLink: string;
  /** Our own file: a virtual host that includes it serves the site. */
  readonly dropIn: string;
  /** What relative paths are meant from. */
  readonly serverRoot: string;
  /** What responses depend on, as our own file has it. */
  readonly encodings: readonly string[];
}

interface Mount {
  readonly host: Directive;
  readonly prefix: string;
}

const [originsMax, indexMax, pagesMax] = [100, 20, 20];

/** `files`: all of Apache's configuration; `own`: the directives of our file. Null when no virtual host serves the site by a name. */
export function urlMapOf(
  files: readonly (readonly Directive[])[],
  own: readonly Directive[],
  site: SiteInFiles,
): UrlMap | null {
  const hosts = files.flatMap((directives) => directivesNamed(directives, 'virtualhost'));
  const mounts = hosts.flatMap((host) => mountsIn(host, site));
  const prefix = mounts[0]?.prefix;
  const same = mounts.filter((mount) => mount.prefix === prefix);
  const origins = distinct(same.flatMap(({ host }) => originsOf(host))).slice(0, originsMax);
  if (origins.length === 0 || prefix === undefined) return null;
  const blocks = [...same.map(({ host }) => host.block ?? []), own];
  const read = urlMapSchema.safeParse({
    origins,
    prefix,
    index: indexOf(blocks),
    directoryWithoutSlash: bareDirectories({
      serving: blocks.flatMap(everywhere),
      own: everywhere(own),
      everywhere: files.flatMap(everywhere),
    }),
    errorPages: errorPagesOf(blocks, prefix).slice(0, pagesMax),
    variants:
      site.encodings.length === 0
        ? []
        : [{ header: 'Accept-Encoding', values: ['identity', ...site.encodings] }],
  });
  return read.success ? read.data : null;
}

function mountsIn(host: Directive, { liveLink, dropIn, serverRoot }: SiteInFiles): Mount[] {
  const isLive = (path: string | undefined): boolean => path?.replace(/\/+$/, '') === liveLink;
  return withinChoices(host.block ?? []).flatMap(({ name, args }): Mount[] => {
    if (name === 'documentroot' && isLive(args[0])) return [{ host, prefix: '/' }];
    if ((name === 'include' || name === 'includeoptional') && includes(args[0], dropIn, serverRoot))
      return [{ host, prefix: '/' }];
    if (name === 'alias' && isLive(args[1]) && args[0]?.startsWith('/') === true)
      return [{ host, prefix: args[0].endsWith('/') ? args[0] : `${args[0]}/` }];
    return [];
  });
}

/** A directory stands for all in it; the last name may be a glob. */
function includes(argument: string | undefined, file: string, serverRoot: string): boolean {
  if (argument === undefined || argument === '') return false;
  const pattern = resolve(serverRoot, argument);
  if (file === pattern || file.startsWith(`${pattern}/`)) return true;
  return dirname(pattern) === dirname(file) && pathGlob(basename(pattern))(basename(file));
}

function originsOf({ args, block }: Directive): string[] {
  const all = block ?? [];
  const named = directivesNamed(all, 'servername').flatMap((one) => one.args.slice(0, 1));
  const names = [...named, ...directivesNamed(all, 'serveralias').flatMap((one) => one.args)];
  const tls = directivesNamed(all, 'sslengine').some((one) => one.args[0]?.toLowerCase() === 'on');
  return args.flatMap((address) => {
    const port = /:(\d{1,5})$/.exec(address)?.[1];
    return names.flatMap((name) => {
      const match = /^(?:(https?):\/\/)?([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(\d{1,5}))?$/.exec(
        name,
      );
      if (match === null) return [];
      const [, scheme, host, ownPort] = match;
      // What ServerName says of scheme and port is how the outside sees it.
      const by = scheme ?? (tls || port === '443' ? 'https' : 'http');
      const at = ownPort ?? (scheme === undefined ? port : undefined);
      const url = `${by}://${host}${at === undefined ? '' : `:${at}`}`;
      return URL.canParse(url) ? [new URL(url).origin] : [];
    });
  });
}

function indexOf(blocks: readonly (readonly Directive[])[]): string[] {
  const found = blocks
    .flatMap((block) => everywhere(block))
    .filter(({ name }) => name === 'directoryindex')
    .flatMap(({ args }) => args)
    .filter((name) => /^[^/%$]+$/.test(name) && name !== 'disabled');
  const usable = distinct(found).slice(0, indexMax);
  return usable.length > 0 ? usable : ['index.html'];
}

/** A fallback answers every URL that is missing, as an error page does. */
function errorPagesOf(blocks: readonly (readonly Directive[])[], prefix: string): string[] {
  return distinct(
    blocks
      .flatMap((block) => everywhere(block))
      .flatMap(({ name, args }) => {
        if (name === 'errordocument' && args[0] === '404') return args.slice(1, 2);
        return name === 'fallbackresource' ? args.slice(0, 1) : [];
      })
      .filter((url) => /^\/[\w./-]+$/.test(url) && url.startsWith(prefix) && url.length > prefix.length)
      .map((url) => url.slice(prefix.length)),
  );
}

function everywhere(directives: readonly Directive[]): Directive[] {
  return directives.flatMap((one) => (one.block === null ? [one] : [one, ...everywhere(one.block)]));
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
