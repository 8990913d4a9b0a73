// The URL map of a site, from the server blocks that serve it: names and ports, index files, error pages, URLs without a suffix, and
// rewrites that name one path. What it cannot tell for certain it leaves out: the operator's own rules for caches come on top.

import { type UrlMap, urlMapSchema } from 'treecast/plugin';
import { bareDirectories } from './bare-directories.ts';
import { type Directive, directivesNamed } from './read-directives.ts';
import type { Mount, VirtualHost } from './virtual-hosts.ts';

const originsMax = 100;
const rewritesMax = 1_000;
/** Plain enough to mean itself in a pattern of nginx's and in a glob. */
const plainUrl = /^\/[\w./-]*$/;

/** Null when no server block serves it under a name or address that can be told. */
export function urlMapOf(mounts: readonly Mount[]): UrlMap | null {
  const prefix = mounts[0]?.prefix;
  const same = mounts.filter((mount) => mount.prefix === prefix);
  const origins = [...new Set(same.flatMap(({ host }) => originsOf(host)))].slice(0, originsMax);
  if (origins.length === 0) return null;
  const rules = same.map(rulesOf);
  const read = urlMapSchema.safeParse({
    origins,
    prefix,
    index: indexOf(same[0]),
    directoryWithoutSlash: bareDirectories(same),
    cleanUrls: distinct(rules.flatMap(({ cleanUrls }) => cleanUrls)).slice(0, 10),
    errorPages: distinct(rules.flatMap(({ errorPages }) => errorPages)).slice(0, 20),
    rewrites: [
      ...new Map(rules.flatMap(({ rewrites }) => rewrites).map((one) => [JSON.stringify(one), one])).values(),
    ].slice(0, rewritesMax),
  });
  return read.success ? read.data : null;
}

function originsOf({ block }: VirtualHost): string[] {
  const names = directivesNamed(block, 'server_name')
    .flatMap(({ args }) => args)
    .filter((name) => /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name));
  const listens = directivesNamed(block, 'listen').map(({ args }) => args);
  return (listens.length > 0 ? listens : [['80']]).flatMap(([address = '', ...options]) => {
    const parts = /^(?:(\[[\da-fA-F:.]+\]|[\w.*-]+):)?(\d+)$/.exec(address);
    const alone = /^(?:\[[\da-fA-F:.]+\]|\d+\.\d+\.\d+\.\d+|localhost)$/.test(address);
    if (!parts && !alone) return [];
    const host = alone ? address : parts?.[1];
    const port = alone ? '80' : (parts?.[2] ?? '80');
    const scheme = options.includes('ssl') || options.includes('quic') ? 'https' : 'http';
    const isAddress = host !== undefined && !/^(?:\*|0\.0\.0\.0|\[::\])$/.test(host);
    // The address counts when there is no name: somebody asks for it by that.
    const hosts = names.length > 0 ? names : isAddress ? [host] : [];
    return hosts.flatMap((name) => {
      const url = `${scheme}://${name}:${port}`;
      return URL.canParse(url) ? [new URL(url).origin] : [];
    });
  });
}

function indexOf(mount: Mount | undefined): string[] {
  const places = [mount?.location?.block, mount?.host.block, mount?.host.outer];
  for (const place of places) {
    const files = directivesNamed(place ?? [], 'index').flatMap(({ args }) => args);
    const usable = distinct(files.filter((name) => /^[^/$]+$/.test(name))).slice(0, 20);
    if (files.length > 0) return usable.length > 0 ? usable : ['index.html'];
  }
  return ['index.html'];
}

interface Rules {
  readonly cleanUrls: string[];
  readonly errorPages: string[];
  readonly rewrites: { readonly path: string; readonly urls: string[] }[];
}

function rulesOf({ host, prefix, location }: Mount): Rules {
  const inTree = (url: string): string | null =>
    plainUrl.test(url) && url.startsWith(prefix) && url.length > prefix.length && !url.endsWith('/')
      ? url.slice(prefix.length)
      : null;
  const main =
    location ??
    directivesNamed(host.block, 'location').find(({ args }) => args.length === 1 && args[0] === '/');
  const tried =
    directivesNamed(main?.block ?? null, 'try_files').concat(directivesNamed(host.block, 'try_files'))[0]
      ?.args ?? [];
  const suffixes = tried.slice(0, -1).flatMap((arg) => /^\$uri(\.[\w.]{1,19})$/.exec(arg)?.[1] ?? []);
  const fallback = inTree(tried.at(-1)?.replace(/[?$].*$/s, '') ?? '');
  const errorPages = [host.block, main?.block ?? []]
    .flatMap((block) => directivesNamed(block, 'error_page'))
    .flatMap(({ args }) => (args.includes('404') ? (inTree(args.at(-1) ?? '') ?? []) : []));
  return {
    cleanUrls: suffixes,
    // A fallback answers every URL that is missing, as an error page does.
    errorPages: fallback === null ? errorPages : [...errorPages, fallback],
    rewrites: [host.block, main?.block ?? []].flatMap((block) => rewritesIn(block, inTree)),
  };
}

function rewritesIn(block: readonly Directive[], inTree: (url: string) => string | null): Rules['rewrites'] {
  const found: Rules['rewrites'] = [];
  for (const { args } of directivesNamed(block, 'rewrite')) {
    const from = /^\^(\/[\w/-]*)\$$/.exec(args[0] ?? '')?.[1];
    const path = inTree(args[1] ?? '');
    if (from !== undefined && path !== null && !['redirect', 'permanent'].includes(args[2] ?? ''))
      found.push({ path, urls: [from] });
  }
  for (const { args, block: inner } of directivesNamed(block, 'location')) {
    const path = inTree(directivesNamed(inner, 'try_files')[0]?.args[0] ?? '');
    if (args[0] === '=' && args[1] !== undefined && plainUrl.test(args[1]) && path !== null)
      found.push({ path, urls: [args[1]] });
  }
  return found;
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
