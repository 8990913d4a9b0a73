// What nodes found when they re-read their live trees (LINK-22). In memory: agents say it again at each connection; what was found and
// what was put right is in the event log. Decides nothing: repairs are the nodes' business, by the site's policy.

import type { Logger } from 'pino';
import type { DriftResource } from '../../model/api.ts';
import type { AgentMessage, Hello } from '../../model/messages.ts';
import type { SiteState } from '../core/state.ts';
import type { EventLog } from '../registry/event-log.ts';

type Report = Extract<AgentMessage, { type: 'drift' }>;

export interface DriftReports {
  connected(node: string, hello: Pick<Hello, 'profiles'>): void;
  /** Whether the node's agent named that profile, and may be told what goes with it in its grants. */
  understands(node: string, profile: string): boolean;
  /** Not taken when the site is none of the node's. */
  report(node: string, report: Report): void;
  /** Nothing that the node said is known any more. */
  removed(node: string): void;
  /** Undefined when everything is as published, or nothing is known. */
  of(node: string, site: string): DriftResource | undefined;
  /** When the node last came to the end of a pass over the site. */
  passedAt(node: string, site: string): string | undefined;
}

/** Paths in one event. */
const eventPathsMax = 20;

export function createDriftReports({
  events,
  state,
  logger,
}: {
  readonly events: Pick<EventLog, 'append'>;
  readonly state: { readonly sites: ReadonlyMap<string, Pick<SiteState, 'members'>> };
  readonly logger: Pick<Logger, 'warn'>;
}): DriftReports {
  const isMember = (node: string, site: string): boolean => state.sites.get(site)?.members.has(node) === true;
  const profilesOf = new Map<string, readonly string[]>();
  const reports = new Map<string, Report>();
  const keyOf = (node: string, site: string): string => `${node} ${site}`;

  return {
    connected(node, { profiles }) {
      profilesOf.set(node, profiles);
    },
    understands: (node, profile) => profilesOf.get(node)?.includes(profile) === true,
    removed(node) {
      profilesOf.delete(node);
      for (const key of reports.keys()) if (key.startsWith(keyOf(node, ''))) reports.delete(key);
    },

    report(node, report) {
      const { site, paths, count, mended } = report;
      if (!isMember(node, site)) {
        logger.warn({ node, site }, 'a node told drift of no site of its own');
        return;
      }
      const key = keyOf(node, site);
      const before = new Set(
        (reports.get(key)?.paths ?? []).map(({ path, problem }) => `${problem} ${path}`),
      );
      reports.set(key, report);
      const found = paths.filter(({ path, problem }) => !before.has(`${problem} ${path}`));
      if (found.length > 0) {
        const data = { count, paths: found.slice(0, eventPathsMax) };
        events.append({ actor: node, kind: 'node.drifted', site, node, data });
      }
      if (mended.length > 0) {
        const data = { left: count, paths: mended.slice(0, eventPathsMax) };
        events.append({ actor: node, kind: 'node.mended', site, node, data });
      }
    },

    of(node, site) {
      const report = isMember(node, site) ? reports.get(keyOf(node, site)) : undefined;
      if (report === undefined || report.count === 0) return undefined;
      const { count, paths } = report;
      const since = Math.min(...paths.map((path) => path.since));
      return {
        count,
        since: timeOf(since),
        paths: paths.map((path) => ({ ...path, since: timeOf(path.since) })),
      };
    },

    passedAt(node, site) {
      const at = isMember(node, site) ? reports.get(keyOf(node, site))?.passedAt : undefined;
      return at === undefined || at === null ? undefined : timeOf(at);
    },
  };
}

/** A node's clock may say anything. */
function timeOf(at: number): string {
  return new Date(Number.isFinite(at) ? Math.min(at, 8.64e15) : 0).toISOString();
}
