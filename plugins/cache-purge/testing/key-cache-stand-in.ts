// A cache with calls that no package of Debian brings: vmod xkey as its manual's VCL does it (PURGE with keys in a header of at most 8 KiB),
// and a location of ngx_cache_purge. Refuses everything else.

import { type StandIn, startStandIn } from './start-stand-in.ts';

export interface KeyCache extends StandIn {
  /** Objects by `host/path`, with their keys. */
  readonly objects: Map<string, readonly string[]>;
}

const headerBytesMax = 8_192;

export async function startKeyCache(): Promise<KeyCache> {
  const objects = new Map<string, readonly string[]>();
  const standIn = await startStandIn(({ method, path, headers }) => {
    const keys = headers['xkey-purge'] ?? headers['xkey-softpurge'];
    if (method === 'PURGE' && keys !== undefined) {
      if (`xkey-purge: ${keys}`.length > headerBytesMax) return { status: 400, body: 'header too long' };
      let purged = 0;
      for (const [name, tagged] of objects) {
        if (!keys.split(' ').some((key) => tagged.includes(key))) continue;
        objects.delete(name);
        purged += 1;
      }
      return { status: 200, body: `Invalidated ${purged} objects` };
    }
    if (method === 'PURGE') return { status: objects.delete(`${headers['host']}${path}`) ? 200 : 404 };
    if (method === 'GET' && path.startsWith('/purge/')) {
      const name = `${headers['host']}${path.slice('/purge'.length)}`;
      return objects.delete(name) ? { status: 200, body: 'Successful purge' } : { status: 404 };
    }
    return { status: 405 };
  });
  return { ...standIn, objects };
}
