// An nginx with the module ngx_cache_purge, for tests: a location with the path behind it. Refuses everything else.

import { type StandInServer, startStandIn } from 'treecast/plugin/testing';
export interface CachePurgeModule extends StandInServer {
  /** Objects by `host/path`. */
  readonly objects: Set<string>;
}

export async function startCachePurgeModule(): Promise<CachePurgeModule> {
  const objects = new Set<string>();
  const standIn = await startStandIn(({ method, path, headers }) => {
    if (method !== 'GET' || !path.startsWith('/purge/')) return { status: 405 };
    const name = `${headers['host']}${path.slice('/purge'.length)}`;
    return objects.delete(name) ? { status: 200, body: 'Successful purge' } : { status: 404 };
  });
  return { ...standIn, objects };
}
