// A hosted site: repository + branch + policies, and the content group that receives it.

/** What a payload's codec may be: `auto` takes the smallest; `store`, `deflate`, `zstd` restrict the choice. */
export type CompressionChoice = 'auto' | 'store' | 'deflate' | 'zstd';

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
  /** Members that must be connected before a job starts; shares count members not in maintenance. */
  readonly start: { readonly count: number; readonly share: number };
  /** Members that must have staged before the commit: `all` that started, or at least count and share. */
  readonly commit: 'all' | { readonly count: number; readonly share: number };
  /** Each node goes live as soon as it has staged. */
  readonly autonomous: boolean;
  /** File modes on disk; the owner's x bit follows Git. Octal digits. */
  readonly fileMode: string;
  readonly executableMode: string;
  readonly directoryMode: string;
}

export const defaultSitePolicy: SitePolicy = {
  compression: [],
  encryption: [],
  deleteShareMax: 0.5,
  deleteFilesMin: 20,
  branchDeletion: 'refuse',
  start: { count: 1, share: 0.5 },
  commit: 'all',
  autonomous: false,
  fileMode: '644',
  executableMode: '755',
  directoryMode: '755',
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

/** Names of sites, repositories, groups and nodes: a label that is safe in a path, a URL and a command line. */
export const namePattern = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
