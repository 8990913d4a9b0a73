// Fastly's purge API as documented: a key per account, 256 surrogate keys a call, 1,024 bytes a key, rate limits with Retry-After.

import { type StandInAnswer, type StandInServer, startStandIn } from 'treecast/plugin/testing';
export interface Fastly extends StandInServer {
  /** Objects by `host/path`, with their surrogate keys. */
  readonly objects: Map<string, readonly string[]>;
  readonly softPurged: string[];
  /** So many calls are answered 429 from now on. */
  limitNext(calls: number): void;
}

export async function startFastly(token: string, service: string): Promise<Fastly> {
  const objects = new Map<string, readonly string[]>();
  const softPurged: string[] = [];
  let limited = 0;

  const standIn = await startStandIn(({ method, path, headers, body }): StandInAnswer => {
    if (headers['fastly-key'] !== token)
      return json(401, { msg: 'Provided credentials are missing or invalid' });
    if (method !== 'POST') return json(405, { msg: 'Method not allowed' });
    if (limited > 0) {
      limited -= 1;
      return { ...json(429, { msg: 'Too many requests' }), headers: { 'retry-after': '1' } };
    }
    const forget = (name: string): void => {
      objects.delete(name);
      if (headers['fastly-soft-purge'] === '1') softPurged.push(name);
    };
    if (path.startsWith('/purge/')) {
      forget(path.slice('/purge/'.length));
      return json(200, { status: 'ok', id: '1-1' });
    }
    if (path === `/service/${service}/purge_all`) {
      if (headers['fastly-soft-purge'] !== undefined)
        return json(400, { msg: 'Soft purge is not supported for purge all' });
      objects.clear();
      return json(200, { status: 'ok' });
    }
    if (path !== `/service/${service}/purge`) return json(404, { msg: 'Record not found' });
    const keys = keysOf(body);
    if (keys === null) return json(400, { msg: 'Bad request', detail: 'surrogate_keys must be a list' });
    if (keys.length > 256) return json(400, { msg: 'Too many surrogate keys', detail: 'at most 256' });
    if (keys.some((key) => Buffer.byteLength(key) > 1024 || key.includes(' ')))
      return json(400, { msg: 'Bad surrogate key' });
    for (const [name, tagged] of objects) if (tagged.some((key) => keys.includes(key))) forget(name);
    return json(200, Object.fromEntries(keys.map((key, index) => [key, `1-${index}`])));
  });
  return {
    ...standIn,
    objects,
    softPurged,
    limitNext(calls) {
      limited = calls;
    },
  };
}

function keysOf(body: string): string[] | null {
  try {
    const { surrogate_keys: keys } = JSON.parse(body) as { surrogate_keys?: unknown };
    return Array.isArray(keys) && keys.every((key) => typeof key === 'string') && keys.length > 0
      ? keys
      : null;
  } catch {
    return null;
  }
}

function json(status: number, body: unknown): StandInAnswer {
  return { status, body: JSON.stringify(body) };
}
