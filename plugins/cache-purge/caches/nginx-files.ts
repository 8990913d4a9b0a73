// Objects of an nginx cache on this machine: a file is named by the MD5 of its key, and holds the key. Removing it is a purge.
// Nothing but regular files with such names, below the cache's directory, is ever removed.

import { createHash } from 'node:crypto';
import { open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheConfigOf } from '../config/cache-config.ts';
import { CallFailure, everythingItem, missingItem, type PurgeStep, type PurgeWork } from '../purge-work.ts';
import { urlParts } from '../url-parts.ts';

type Config = Pick<CacheConfigOf<'nginx'>, 'keyTemplate' | 'levels' | 'proxyHost' | 'scheme' | 'scan'>;

/** The head of a cache file: a binary part, `KEY: …`, then the answer's status line. */
const headBytes = 8_192;
const openFilesMax = 16;

export function nginxFileSteps(config: Config, directory: string, work: PurgeWork): PurgeStep[] {
  const wanted = new Map(work.urls.map((url) => [nginxKey(config, url), url]));
  const byName = [...wanted].map(
    ([key, url]): PurgeStep => ({
      settles: [url],
      run: async () => ((await removeFile(join(directory, cacheFile(key, config.levels)))) ? [url] : []),
    }),
  );
  if (!config.scan && !work.everything && !work.missing) return byName;
  const marks = [...(work.everything ? [everythingItem] : []), ...(work.missing ? [missingItem] : [])];
  const walk: PurgeStep = {
    settles: [...(config.scan ? work.urls : []), ...marks],
    async run(signal) {
      const held: string[] = [];
      await eachCacheFile(directory, signal, async (path) => {
        const head = work.everything ? null : await readHead(path);
        const url = head === null ? undefined : wanted.get(head.key);
        const stale =
          work.everything || (work.missing && head?.missing === true) || (config.scan && url !== undefined);
        if (stale && (await removeFile(path)) && url !== undefined) held.push(url);
      });
      return held;
    },
  };
  return config.scan ? [walk] : [...byName, walk];
}

/** The value of proxy_cache_key for a GET of this URL. */
export function nginxKey(
  { keyTemplate, proxyHost, scheme }: Omit<Config, 'levels' | 'scan'>,
  url: string,
): string {
  const parts = urlParts(url);
  const [path = '', query] = parts.path.split(/\?(.*)/s);
  const values: Readonly<Record<string, string>> = {
    scheme: scheme ?? parts.scheme,
    proxy_host: proxyHost,
    host: parts.host.replace(/:\d+$/, ''),
    http_host: parts.host,
    request_method: 'GET',
    request_uri: parts.path,
    uri: decodedPath(path),
    is_args: query === undefined ? '' : '?',
    args: query ?? '',
    query_string: query ?? '',
  };
  return keyTemplate.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => {
    const value = values[braced ?? bare ?? ''];
    // A cookie or a header in the key is empty for most readers; the rest is found by `scan` only.
    return value ?? '';
  });
}

/** Where nginx puts it: the last digits of the hash name the directories. */
export function cacheFile(key: string, levels: string): string {
  const hash = createHash('md5').update(key).digest('hex');
  const directories: string[] = [];
  let end = hash.length;
  for (const level of levels.split(':')) {
    directories.push(hash.slice(end - Number(level), end));
    end -= Number(level);
  }
  return join(...directories, hash);
}

function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** False when it was not there. */
async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new CallFailure('denied', `${path} cannot be removed (${code})`);
  }
}

async function eachCacheFile(
  directory: string,
  signal: AbortSignal,
  visit: (path: string) => Promise<void>,
): Promise<void> {
  let names: string[];
  try {
    names = await readdir(directory, { recursive: true });
  } catch (error) {
    throw new CallFailure('denied', `${directory} cannot be read (${codeOf(error)})`);
  }
  const files = names.filter((name) => /(?:^|\/)[0-9a-f]{32}$/.test(name)).values();
  async function work(): Promise<void> {
    for (const name of files) {
      signal.throwIfAborted();
      await visit(join(directory, name));
    }
  }
  await Promise.all(Array.from({ length: openFilesMax }, work));
}

async function readHead(path: string): Promise<{ readonly key: string; readonly missing: boolean } | null> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch {
    return null;
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    const [, key, status] =
      /\nKEY: ([^\n]*)\n(?:HTTP\/[0-9.]+ (\d{3}))?/.exec(buffer.toString('utf8', 0, bytesRead)) ?? [];
    return key === undefined ? null : { key, missing: status === '404' || status === '410' };
  } finally {
    await file.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
