// A hosted site: repository + branch + policies, and the content group that receives it.

import type { RateLimit } from './rate-limit.ts';

/** What a payload's codec may be: `auto` takes the smallest; `store`, `deflate`, `zstd` restrict the choice. */
export type CompressionChoice = 'auto' | 'store' | 'deflate' | 'zstd';

/** At least `count`, and at least this share of the members not in maintenance. */
export interface CountAndShare {
  readonly count: number;
  readonly share: number;
}

export interface DrainPolicy {
  /** Nodes that are out of service at a time for a publish, at most; always at least one. */
  readonly batch: CountAndShare;
  /** Members that stay in service meanwhile. */
  readonly minInService: CountAndShare;
  /** A node that no balancer lets go: `hold` leaves it in service with its former tree, `force` switches it all the same. */
  readonly onFailure: 'hold' | 'force';
  /** How long the nodes of a batch have to switch after the last sign of progress; 30 s when it is not said. */
  readonly settleMs?: number;
}

export interface SiteCommand {
  /** `<plugin>.<command>`. */
  readonly name: string;
  /** What JSON carries. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What becomes of files of the live tree that somebody changed on a node, behind Treecast's back. */
export interface DriftPolicy {
  /** `repair` puts them right as soon as they are found, `report` only tells. */
  readonly action: 'repair' | 'report';
  /** What lies in the live tree and is no part of it; `remove` only with the action `repair`. */
  readonly extra: 'remove' | 'report';
  /** Globs of paths that are neither looked at nor touched; `verify` and publishes look all the same. */
  readonly ignore: readonly string[];
}

export interface SitePolicy {
  /** First matching glob decides; none means `auto`. */
  readonly compression: readonly { readonly glob: string; readonly codec: CompressionChoice }[];
  /** First matching glob decides; none means sealed. */
  readonly encryption: readonly { readonly glob: string; readonly cipher: 'aes-256-gcm' | 'none' }[];
  /** A publish that deletes more than this share of the live files, and at least `deleteFilesMin`, is refused. */
  readonly deleteShareMax: number;
  readonly deleteFilesMin: number;
  /** Whether `git push --delete` of the site's branch is allowed (the site stays as it is). */
  readonly branchDeletion: 'refuse' | 'allow';
  /** Whether a publish may add names that differ from others by case or by the spelling of accents alone. */
  readonly nameClashes: 'refuse' | 'allow';
  /** Members that must be connected before a job starts; shares count members not in maintenance. */
  readonly start: CountAndShare;
  /** Members that must have staged before the commit: `all` that started, or at least count and share. */
  readonly commit: 'all' | CountAndShare;
  /** Each node goes live as soon as it has staged. */
  readonly autonomous: boolean;
  /** How a publish goes round load balancers; null: every node is told at once, and none is taken out for it. */
  readonly drain: DrainPolicy | null;
  /** Commands for plugins on the nodes; they end every assignment of the site, in this order. */
  readonly commands: readonly SiteCommand[];
  readonly drift: DriftPolicy;
  /** File modes on disk; the owner's x bit follows Git. Octal digits. */
  readonly fileMode: string;
  readonly executableMode: string;
  readonly directoryMode: string;
  /** Who everything in the trees belongs to, by name or number on each node; null: the agent's own. With both null nobody looks. */
  readonly owner: string | null;
  readonly group: string | null;
  /** What a group leader may send of the site by multicast, in each segment; null: as the segment's limit says. */
  readonly rate: RateLimit | null;
  /** What each group leader may send of the site to other segments, and fetch of it from elsewhere, each; null: as the segment's limit says. */
  readonly wanRate: RateLimit | null;
}

export const defaultSitePolicy: SitePolicy = {
  compression: [],
  encryption: [],
  deleteShareMax: 0.5,
  deleteFilesMin: 20,
  branchDeletion: 'refuse',
  nameClashes: 'refuse',
  start: { count: 1, share: 0.5 },
  commit: 'all',
  autonomous: false,
  drain: null,
  commands: [],
  drift: { action: 'repair', extra: 'report', ignore: [] },
  fileMode: '644',
  executableMode: '755',
  directoryMode: '755',
  owner: null,
  group: null,
  rate: null,
  wanRate: null,
};

export interface Site {
  readonly name: string;
  /** The staging repository's name; its Git URL is `/git/<repository>.git`. */
  readonly repository: string;
  /** Without `refs/heads/`. */
  readonly branch: string;
  readonly group: string;
  readonly policy: SitePolicy;
}

/** A user's or group's name, or its number. */
export const ownerPattern = /^(?:0|[1-9]\d{0,8}|[1-3]\d{9}|[A-Za-z_][A-Za-z0-9_.-]{0,62}\$?)$/;

/** Names of sites, repositories, groups and nodes: a label that is safe in a path, a URL and a command line. */
export const namePattern = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
