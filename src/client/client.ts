// The CCM's API as typed methods, one an endpoint. Whatever goes wrong is a TreecastError with the CCM's own code,
// or CCM_UNREACHABLE when no CCM answered.

import type {
  BalanceAction,
  BalanceResource,
  CreatedTokenResource,
  EventResource,
  GroupResource,
  HealthResource,
  JobResource,
  JobUpdate,
  JoinTokenResource,
  KeyResource,
  KeyRotation,
  NodeResource,
  PluginResource,
  PluginTaskResource,
  Role,
  SegmentResource,
  SiteInput,
  SiteResource,
  SiteStatus,
  TokenResource,
  TreeResource,
  VerifyResult,
} from '../model/api.ts';
import type { RateLimit } from '../model/rate-limit.ts';
import type { ControlChannel, LeadRole } from '../model/segment.ts';
import type { SitePolicy } from '../model/site.ts';
import { createHttpTransport, explained, type HttpTransportOptions, throwIfError } from './http-transport.ts';
import { jsonLines } from './json-lines.ts';
import { type LiveEventsOptions, liveEvents } from './live-events.ts';

export type ClientOptions = HttpTransportOptions;

type Labels = Readonly<Record<string, string>>;

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface SiteChanges {
  readonly branch?: string;
  readonly group?: string;
  /** Null: back to the default. */
  readonly policy?: { readonly [K in keyof SitePolicy]?: SitePolicy[K] | null };
}

export interface PublishInput {
  /** A branch, tag, full ref or full commit id; without it the head of the site's branch. */
  readonly ref?: string;
  readonly allowDelete?: boolean;
}

export interface GroupChanges {
  readonly nodes?: readonly string[];
  readonly selector?: Labels | null;
}

export interface NodeChanges {
  readonly maintenance?: boolean;
  readonly labels?: Labels;
  /** By name; null: none. */
  readonly segment?: string | null;
  readonly leadRole?: LeadRole;
  readonly leadFactor?: number;
}

export interface SegmentChanges {
  readonly name?: string;
  readonly channel?: ControlChannel;
  /** Null: no limit. */
  readonly rate?: RateLimit | null;
  readonly wanRate?: RateLimit | null;
}

export interface TokenInput {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly sites?: readonly string[] | null;
  /** ISO 8601; null or nothing: never. */
  readonly expiresAt?: string | null;
}

export interface BalanceInput {
  readonly action: BalanceAction;
  /** Nodes by name, a content group, or both; neither: all members of the site's group. */
  readonly nodes?: readonly string[];
  readonly group?: string;
  /** `weigh`: share of the usual weight, 0 to 1. */
  readonly share?: number;
}

export interface PluginTaskFilter {
  readonly job?: string;
  readonly site?: string;
  readonly plugin?: string;
  readonly state?: PluginTaskResource['state'];
  readonly limit?: number;
}

export interface Client {
  /** Needs no token. */
  health(): Promise<HealthResource>;
  readonly sites: {
    list(): Promise<SiteResource[]>;
    get(site: string): Promise<SiteResource>;
    create(input: SiteInput): Promise<SiteResource>;
    update(site: string, changes: SiteChanges): Promise<SiteResource>;
    remove(site: string): Promise<void>;
    publish(site: string, input?: PublishInput): Promise<JobResource>;
    rollback(site: string): Promise<JobResource>;
    status(site: string): Promise<SiteStatus>;
    /** Takes as long as every node needs to read every byte. */
    verify(site: string, options?: CallOptions): Promise<VerifyResult>;
    /** What balancers should and do say of the site's nodes. */
    balance(site: string): Promise<BalanceResource>;
    /** Takes as long as sessions need to end. */
    rebalance(site: string, input: BalanceInput): Promise<BalanceResource>;
  };
  readonly groups: {
    list(): Promise<GroupResource[]>;
    get(group: string): Promise<GroupResource>;
    create(input: GroupChanges & { readonly name: string }): Promise<GroupResource>;
    update(group: string, changes: GroupChanges): Promise<GroupResource>;
    /** Segments and nodes by name, whose leaders are handed assignments first; empty: as measured. */
    setOrder(group: string, order: readonly string[]): Promise<GroupResource>;
    remove(group: string): Promise<void>;
  };
  readonly nodes: {
    list(): Promise<NodeResource[]>;
    get(node: string): Promise<NodeResource>;
    update(node: string, changes: NodeChanges): Promise<NodeResource>;
    remove(node: string): Promise<void>;
  };
  readonly segments: {
    list(): Promise<SegmentResource[]>;
    get(segment: string): Promise<SegmentResource>;
    update(segment: string, changes: SegmentChanges): Promise<SegmentResource>;
    remove(segment: string): Promise<void>;
    /** Has its leader report first. */
    ask(segment: string): Promise<SegmentResource>;
  };
  readonly tokens: {
    list(): Promise<TokenResource[]>;
    create(input: TokenInput): Promise<CreatedTokenResource>;
    revoke(id: string): Promise<TokenResource>;
  };
  readonly joinTokens: {
    create(input?: { readonly lifeSeconds?: number; readonly segment?: string }): Promise<JoinTokenResource>;
  };
  readonly jobs: {
    list(filter?: { readonly site?: string; readonly limit?: number }): Promise<JobResource[]>;
    get(id: string): Promise<JobResource>;
    abort(id: string): Promise<JobResource>;
    /** From now on; ends after an update of kind `end`, or early when the CCM goes. */
    follow(id: string, options?: CallOptions): AsyncIterable<JobUpdate>;
  };
  readonly trees: {
    /** Who fed whom with what the job delivers, while it runs and for a while after. */
    get(job: string): Promise<TreeResource>;
  };
  readonly keys: {
    list(): Promise<KeyResource[]>;
    /** The new ones. */
    rotate(rotation: KeyRotation): Promise<KeyResource[]>;
  };
  readonly plugins: {
    list(): Promise<PluginResource[]>;
    tasks(filter?: PluginTaskFilter): Promise<PluginTaskResource[]>;
    retry(plugin: string): Promise<PluginResource>;
  };
  readonly events: {
    list(page?: { readonly after?: number; readonly limit?: number }): Promise<EventResource[]>;
    live(options?: LiveEventsOptions): AsyncIterable<EventResource>;
  };
}

export function createClient(options: ClientOptions): Client {
  const http = createHttpTransport(options);
  const get = <T>(path: string, query?: Readonly<Record<string, string | number | undefined>>) =>
    http.json<T>({ path, ...(query && { query }) });
  const post = <T>(path: string, body: unknown = {}) => http.json<T>({ method: 'POST', path, body });
  const patch = <T>(path: string, body: unknown) => http.json<T>({ method: 'PATCH', path, body });
  const remove = <T = void>(path: string) => http.json<T>({ method: 'DELETE', path });

  async function* follow(
    id: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<JobUpdate, void, undefined> {
    const path = at`/jobs/${id}/follow`;
    const stream = await http.stream({ path, ...(signal && { signal }) });
    try {
      for await (const line of jsonLines(stream)) {
        throwIfError(line);
        yield line as JobUpdate;
      }
    } catch (error) {
      throw explained(error, options.api, signal);
    }
  }

  return {
    health: () => get('/healthz'),
    sites: {
      list: () => get(at`/sites`),
      get: (site) => get(at`/sites/${site}`),
      create: (input) => post(at`/sites`, input),
      update: (site, changes) => patch(at`/sites/${site}`, changes),
      remove: (site) => remove(at`/sites/${site}`),
      publish: (site, input) => post(at`/sites/${site}/publish`, input),
      rollback: (site) => post(at`/sites/${site}/rollback`),
      status: (site) => get(at`/sites/${site}/status`),
      verify: (site, { signal } = {}) =>
        http.json({
          method: 'POST',
          path: at`/sites/${site}/verify`,
          timeoutMs: null,
          ...(signal && { signal }),
        }),
      balance: (site) => get(at`/sites/${site}/balance`),
      rebalance: (site, body) =>
        http.json({ method: 'POST', path: at`/sites/${site}/balance`, body, timeoutMs: null }),
    },
    keys: {
      list: () => get(at`/keys`),
      rotate: (rotation) => post(at`/keys/rotate`, rotation),
    },
    plugins: {
      list: () => get(at`/plugins`),
      tasks: (filter) => get(at`/plugin-tasks`, { ...filter }),
      retry: (plugin) => post(at`/plugins/${plugin}/retry`),
    },
    groups: {
      list: () => get(at`/groups`),
      get: (group) => get(at`/groups/${group}`),
      create: (input) => post(at`/groups`, input),
      update: (group, changes) => patch(at`/groups/${group}`, changes),
      setOrder: (group, order) => post(at`/groups/${group}/order`, { order }),
      remove: (group) => remove(at`/groups/${group}`),
    },
    nodes: {
      list: () => get(at`/nodes`),
      get: (node) => get(at`/nodes/${node}`),
      update: (node, changes) => patch(at`/nodes/${node}`, changes),
      remove: (node) => remove(at`/nodes/${node}`),
    },
    segments: {
      list: () => get(at`/segments`),
      get: (segment) => get(at`/segments/${segment}`),
      update: (segment, changes) => patch(at`/segments/${segment}`, changes),
      remove: (segment) => remove(at`/segments/${segment}`),
      ask: (segment) => post(at`/segments/${segment}/ask`),
    },
    tokens: {
      list: () => get(at`/tokens`),
      create: (input) => post(at`/tokens`, input),
      revoke: (id) => remove(at`/tokens/${id}`),
    },
    joinTokens: {
      create: (input) => post(at`/join-tokens`, input),
    },
    jobs: {
      list: (filter) => get(at`/jobs`, filter),
      get: (id) => get(at`/jobs/${id}`),
      abort: (id) => post(at`/jobs/${id}/abort`),
      follow,
    },
    trees: {
      get: (job) => get(at`/jobs/${job}/tree`),
    },
    events: {
      list: (page) => get(at`/events`, page),
      live: (liveOptions) => liveEvents(options, liveOptions),
    },
  };
}

/** A path under /api/v1 whose parts from outside are encoded. */
function at(texts: TemplateStringsArray, ...parts: string[]): string {
  return `/api/v1${String.raw({ raw: texts }, ...parts.map(encodeURIComponent))}`;
}
