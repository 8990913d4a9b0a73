// How sites' paths become URLs, as web servers' plugins on the nodes reported it. Kept in memory: agents say it again at each connection.

import { type UrlMap, urlMapSchema } from '../../plugins/urls/url-map.ts';

export interface UrlMaps {
  /** False when it is no URL map. */
  report(node: string, site: string, map: unknown): boolean;
  /** The union over nodes: servers of one site are meant to agree, so the origins are united and the newest word has the rest. */
  of(site: string): UrlMap | null;
}

const originsMax = 100;

export function createUrlMaps(): UrlMaps {
  const sites = new Map<string, Map<string, UrlMap>>();
  return {
    report(node, site, map) {
      const parsed = urlMapSchema.safeParse(map);
      if (!parsed.success) return false;
      const nodes = sites.get(site) ?? new Map<string, UrlMap>();
      nodes.delete(node);
      nodes.set(node, parsed.data);
      sites.set(site, nodes);
      return true;
    },
    of(site) {
      const maps = [...(sites.get(site)?.values() ?? [])];
      const newest = maps.at(-1);
      if (newest === undefined) return null;
      const origins = [...new Set(maps.flatMap((map) => map.origins))].sort().slice(0, originsMax);
      return { ...newest, origins };
    },
  };
}
