// N12 N55 N56: a site of eleven URLs is read into a cache (pages, directories, an odd name, two that are missing), then a publish changes
// some, adds and removes one. Afterwards exactly the stale ones are fetched anew, once each.

import assert from 'node:assert/strict';
import { type ContentEventFacts, contentEvent } from 'treecast/plugin/testing';
import { ask } from './ask.ts';
import type { Origin } from './start-origin.ts';
import type { StartedPlugin } from './start-plugin.ts';

const odd = 'a b (1) [x]+%?#.html';
const oddUrl = '/a%20b%20(1)%20[x]+%25%3F%23.html';

const from: Readonly<Record<string, string>> = {
  'index.html': 'old home',
  'docs/index.html': 'old docs',
  'docs/kept.html': 'kept',
  'gone.html': 'here',
  [odd]: 'old odd',
  'other.html': 'other',
};
const to: Readonly<Record<string, string>> = {
  'index.html': 'new home',
  'docs/index.html': 'new docs',
  'docs/kept.html': 'kept',
  'new.html': 'new page',
  [odd]: 'new odd',
  'other.html': 'other',
};

const staleUrls = [
  '/',
  '/index.html',
  '/docs/',
  '/docs',
  '/docs/index.html',
  '/gone.html',
  '/new.html',
  oddUrl,
] as const;
const keptUrls = ['/docs/kept.html', '/other.html', '/never.html'];
const all = [...staleUrls, ...keptUrls];

export async function assertExactPurge(
  plugin: StartedPlugin,
  {
    port,
    origin,
    event = {},
  }: {
    readonly port: number;
    readonly origin: Origin;
    readonly event?: Partial<ContentEventFacts>;
  },
): Promise<{ readonly note: string; readonly againAfterMs: number | undefined }> {
  origin.serve(served(from));
  for (const url of all) await ask(port, url);
  origin.takeAsked();
  for (const url of all) await ask(port, url);
  assert.deepEqual(origin.takeAsked(), [], 'everything is in the cache, what is missing too');
  origin.serve(served(to));
  const published = contentEvent({ from, to, ...event });
  const { note = '', againAfterMs } = await plugin.invalidate(published);
  for (const url of all) assert.equal((await ask(port, url)).body, served(to)[url] ?? 'missing', url);
  assert.deepEqual(
    origin.takeAsked().sort(),
    staleUrls.toSorted(),
    'fetched anew: what was stale, and no more',
  );
  return { note, againAfterMs };
}

/** What the origin answers for a tree: files, and directories by their index. */
function served(files: Readonly<Record<string, string>>): Record<string, string> {
  const urls: Record<string, string> = {};
  for (const [path, text] of Object.entries(files)) {
    urls[path === odd ? oddUrl : `/${path}`] = text;
    if (!path.endsWith('index.html')) continue;
    const directory = `/${path.slice(0, -'index.html'.length)}`;
    urls[directory] = text;
    if (directory !== '/') urls[directory.slice(0, -1)] = text;
  }
  return urls;
}
