// How sites' paths become URLs, as web servers' plugins on the nodes reported it. Kept in memory: agents say it again at each connection.

import { type UrlMap, urlMapSchema } from '../../plugins/urls/url-map.ts';

export interface UrlMaps {
  /** False when it is no URL map, or of no site that there is. */
  report(node: string, site: string, map: unknown): boolean;
  /**
   * The union over the site's members: servers of one site are meant to agree, so the origins are united and the newest word has the
   * rest. Whoever is no member has no say.
   */
  of(site: string, members: readonly string[]): UrlMap | null;
}

const originsMax = 100;

export function createUrlMaps(isSite: (site: string) => boolean): UrlMaps {
  const sites = new Map<string, Map<string, UrlMap>>();
  return {
    report(node, site, map) {
      const parsed = urlMapSchema.safeParse(map);
      if (!parsed.success || !isSite(site)) return false;
      const nodes = sites.get(site) ?? new Map<string, UrlMap>();
      nodes.delete(node);
      nodes.set(node, parsed.data);
      sites.set(site, nodes);
      return true;
    },
    of(site, members) {
      const isMember = new Set(members);
      const maps = [...(sites.get(site) ?? [])].flatMap(([node, map]) => (isMember.has(node) ? [map] : []));
      const newest = maps.at(-1);
      if (newest === undefined) return null;
      const origins = [...new Set(maps.flatMap((map) => map.origins))].sort().slice(0, originsMax);
      return { ...newest, origins };
    },
  };
}
