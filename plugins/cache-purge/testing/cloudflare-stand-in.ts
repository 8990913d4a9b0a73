// Cloudflare's purge_cache as documented: one kind of entry a call, 30 entries, a bearer token; refusals come as JSON with codes.

import { type StandInAnswer, type StandInServer, startStandIn } from 'treecast/plugin/testing';
export interface CloudflareObject {
  readonly tags?: readonly string[];
  /** The request header that the cache keeps it apart by. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Cloudflare extends StandInServer {
  /** By URL, or `URL {headers}` for a variant. */
  readonly objects: Map<string, CloudflareObject>;
  /** So many calls are answered 429 from now on. */
  limitNext(calls: number): void;
}

const entriesMax = 30;
const kinds = ['files', 'tags', 'hosts', 'prefixes'];

export async function startCloudflare(token: string, zone: string): Promise<Cloudflare> {
  const objects = new Map<string, CloudflareObject>();
  let limited = 0;

  const standIn = await startStandIn(({ method, path, headers, body }): StandInAnswer => {
    if (headers['authorization'] !== `Bearer ${token}`) return refusal(403, 10000, 'Authentication error');
    if (path !== `/client/v4/zones/${zone}/purge_cache`) return refusal(404, 7003, 'Could not route');
    if (method !== 'POST') return refusal(405, 10405, 'Method not allowed');
    if (limited > 0) {
      limited -= 1;
      return { ...refusal(429, 971, 'You have hit the rate limit'), headers: { 'retry-after': '1' } };
    }
    const request = parse(body);
    const [kind, ...others] = Object.keys(request ?? {});
    if (request === null || kind === undefined || !kinds.includes(kind) || others.length > 0)
      return refusal(
        400,
        1012,
        'Request must contain one of "purge_everything", "files", "tags", "hosts" or "prefixes"',
      );
    const entries = request[kind];
    if (!Array.isArray(entries) || entries.length === 0) return refusal(400, 1093, 'Empty request');
    if (entries.length > entriesMax)
      return refusal(400, 1094, `You may only purge ${entriesMax} ${kind} at a time`);
    for (const entry of entries) {
      if (kind !== 'files' && typeof entry !== 'string') return refusal(400, 1096, 'Invalid entry');
      if (kind === 'files' && !isFile(entry))
        return refusal(400, 1016, `Unable to purge, which is an invalid URL.`);
    }
    for (const [name, object] of objects) {
      const [url = ''] = name.split(' {');
      const bare = url.replace(/^https?:\/\//, '');
      const hit = entries.some((entry) => {
        if (kind === 'tags') return object.tags?.includes(entry as string);
        if (kind === 'hosts') return bare.split('/')[0] === entry;
        if (kind === 'prefixes') return bare.startsWith(entry as string);
        const named = typeof entry === 'string' ? { url: entry } : (entry as CloudflareFile);
        return named.url === url && JSON.stringify(named.headers) === JSON.stringify(object.headers);
      });
      if (hit) objects.delete(name);
    }
    return {
      status: 200,
      body: JSON.stringify({ success: true, errors: [], messages: [], result: { id: zone } }),
    };
  });
  return {
    ...standIn,
    objects,
    limitNext(calls) {
      limited = calls;
    },
  };
}

interface CloudflareFile {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function isFile(entry: unknown): boolean {
  const url = typeof entry === 'string' ? entry : (entry as CloudflareFile | null)?.url;
  return typeof url === 'string' && /^https?:\/\//.test(url) && URL.canParse(url);
}

function parse(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function refusal(status: number, code: number, message: string): StandInAnswer {
  return {
    status,
    body: JSON.stringify({ success: false, errors: [{ code, message }], messages: [], result: null }),
  };
}
