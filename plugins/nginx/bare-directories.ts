// What `/docs` answers where `docs` is a directory: nginx's own way is a redirect to `/docs/`. Directives that could serve its index there
// are looked for in the server blocks; where there is one, or one that cannot be told, the index is assumed.

import type { UrlMap } from 'treecast/plugin';
import type { Directive } from './read-directives.ts';
import type { Mount } from './virtual-hosts.ts';

/** The URL as a file, with a suffix, or as a directory, which nginx answers with the redirect. */
const triedUrl = /^\$uri(?:\.[\w.]+)?\/?$/;
const literalFile = /^[^$?]*[^$?/]$/;
const lastTried = /^(?:=\d+|@.*|[^$?]*[^$?/](?:\?.*)?)$/s;

export function bareDirectories(mounts: readonly Mount[]): UrlMap['directoryWithoutSlash'] {
  return mounts.every(({ host }) => host.block.every((one) => redirects(one, true))) ? 'redirect' : true;
}

function redirects({ name, args, block }: Directive, inServer: boolean): boolean {
  if (name === 'alias' && args[0]?.includes('$') === true) return false;
  if (name === 'try_files') {
    const [first = '', ...others] = args.slice(0, -1);
    const isPlain = triedUrl.test(first) || literalFile.test(first);
    return isPlain && others.every((one) => triedUrl.test(one)) && lastTried.test(args.at(-1) ?? '');
  }
  if (name === 'rewrite' && !['redirect', 'permanent'].includes(args[2] ?? ''))
    // One exact URL that a file answers is among the map's rewrites.
    return inServer && /^\^\/[\w/-]*\$$/.test(args[0] ?? '') && literalFile.test(args[1] ?? '');
  return (block ?? []).every((one) => redirects(one, false));
}
