// What each hook is given and may answer. Paths are relative, `/`-separated, in Git's spelling; trees and blobs are Git object ids.

import type { UrlMap } from '../urls/url-map.ts';
import type { HookName } from './hook-table.ts';
import type { PluginLog } from './plugin-host.ts';

/** A path that differs between two trees; a rename is a deletion and an addition. */
export interface PathChange {
  readonly path: string;
  readonly kind: 'added' | 'changed' | 'deleted';
  /** Blob ids; null on the side where the path is not. */
  readonly before: string | null;
  readonly after: string | null;
}

/** A whole tree on this node's disk. */
export interface TreeOnNode {
  /** Git tree id. */
  readonly tree: string;
  /** `<epoch>-<sequence>`, such as `1-0042`. */
  readonly release: string;
  /** Absolute; its contents never change under this path. Never write here. */
  readonly directory: string;
}

export interface SiteOnNode {
  readonly site: string;
  /** Absolute: `<sites>/<site>`. */
  readonly directory: string;
  /** Absolute: the symlink that servers are pointed at. */
  readonly liveLink: string;
}

export interface AttachEvent extends SiteOnNode {
  readonly live: TreeOnNode | null;
}

/** `publish` and `rollback` as decided; `switch-back` after a failed probe; `start` when an interrupted one is finished. */
export type SwitchKind = 'publish' | 'rollback' | 'switch-back' | 'start';

export interface SwitchEvent extends SiteOnNode {
  readonly kind: SwitchKind;
  readonly from: TreeOnNode | null;
  readonly to: TreeOnNode;
  /** From `from` to `to`; null when that is not known here (then everything may have changed). */
  changes(): Promise<readonly PathChange[] | null>;
}

/** Suffixes of precompressed twins that lie beside their file. */
export const twinSuffixes = ['.gz', '.br', '.zst'] as const;
export type TwinSuffix = (typeof twinSuffixes)[number];

export interface BeforeSwitchEvent extends SwitchEvent {
  /**
   * Writes a precompressed twin beside `path` into the staged tree, with that file's mode and time. Twins are no part of the tree id;
   * the store removes them with their file. Throws when `path` is no file of the tree, or the tree has the twin's name itself.
   */
  writeTwin(path: string, suffix: TwinSuffix, bytes: Uint8Array): Promise<void>;
}

export interface AbandonEvent extends SiteOnNode {
  readonly release: string;
}

/** A command `<plugin>.<name>` of the site's policy, with its parameters as the author of the policy wrote them. */
export interface CommandEvent extends SiteOnNode {
  readonly command: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly to: TreeOnNode;
}

/** A node as balancers see it; what it is called there is the plugin's configuration, by default its name. */
export interface BalancedNode {
  readonly name: string;
  readonly url: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

export interface BalanceEvent {
  readonly site: string;
  readonly nodes: readonly BalancedNode[];
  /** Why, in words for people: `publish 1-0042`, `stale`, `maintenance`. */
  readonly reason: string;
}

export interface WeighEvent extends BalanceEvent {
  /** Share of the usual weight, 0 to 1. */
  readonly share: number;
}

export interface BalancerState {
  readonly node: string;
  /** `out`: gets nothing new and has nothing left; `draining`: gets nothing new. */
  readonly state: 'in' | 'draining' | 'out' | 'unknown';
  readonly sessions: number | null;
  readonly weight: number | null;
}

export interface ContentEvent {
  readonly site: string;
  readonly job: string;
  readonly release: string;
  /** Every release that this tree was published as, this one first: after a rollback servers may serve it under its former name. */
  readonly releases: readonly string[];
  readonly commit: string | null;
  readonly kind: 'publish' | 'rollback' | 'synchronize';
  readonly fromTree: string;
  readonly toTree: string;
  /** Milliseconds since 1970: when the decision was made. */
  readonly decidedAt: number;
  /** 1 at first; 2 when called again because an answer had `againAfterMs`. */
  readonly pass: number;
  readonly origins: readonly BalancedNode[];
  /** As web servers on the nodes were found to map them; null when no plugin there knows. */
  readonly urlMap: UrlMap | null;
  changes(): Promise<readonly PathChange[]>;
  /** Every file of the tree that is live now, in order. */
  paths(): Promise<readonly string[]>;
  /** A file of the tree that is live now, at most 64 MiB; null when there is none. */
  read(path: string): Promise<Uint8Array | null>;
}

export interface NotifyEvent {
  readonly site: string;
  readonly job: string;
  readonly type: 'publish' | 'rollback';
  /** `started` once; then exactly one of the others. */
  readonly phase: 'started' | 'live' | 'failed' | 'superseded' | 'aborted';
  readonly commit: string | null;
  readonly release: string | null;
  readonly requestedBy: string;
  readonly nodes: { readonly total: number; readonly live: number; readonly failed: readonly string[] };
  /** The line the pusher saw. */
  readonly text: string;
  readonly at: number;
  readonly durationMs: number | null;
}

export interface HookCall {
  readonly signal: AbortSignal;
  readonly log: PluginLog;
  readonly dryRun: boolean;
}

/** What a hook may say beside having succeeded. */
export interface HookAnswer {
  /** One line for receipts and logs: `412 URLs purged in 9 calls`. */
  readonly note?: string;
  /** `invalidate`: call it once more so many milliseconds from now (the cache's fetch bound). */
  readonly againAfterMs?: number;
}

type Plain = HookAnswer | undefined;

/** Event and answer of every hook. */
export interface HookTypes {
  attach: { event: AttachEvent; answer: (HookAnswer & { readonly urlMap?: UrlMap }) | undefined };
  detach: { event: SiteOnNode; answer: Plain };
  prepare: { event: CommandEvent; answer: Plain };
  beforeSwitch: { event: BeforeSwitchEvent; answer: Plain };
  switch: { event: SwitchEvent; answer: Plain };
  apply: { event: CommandEvent; answer: Plain };
  afterSwitch: { event: SwitchEvent; answer: Plain };
  probe: { event: SwitchEvent; answer: Plain };
  abandon: { event: AbandonEvent; answer: Plain };
  drain: { event: BalanceEvent; answer: Plain };
  restore: { event: BalanceEvent; answer: Plain };
  weigh: { event: WeighEvent; answer: Plain };
  inspect: { event: BalanceEvent; answer: HookAnswer & { readonly nodes: readonly BalancerState[] } };
  invalidate: { event: ContentEvent; answer: Plain };
  warm: { event: ContentEvent; answer: Plain };
  reindex: { event: ContentEvent; answer: Plain };
  notify: { event: NotifyEvent; answer: Plain };
}

export type HookEvent<H extends HookName> = HookTypes[H]['event'];
export type HookResult<H extends HookName> = HookTypes[H]['answer'];
export type Hook<H extends HookName> = (
  event: HookEvent<H>,
  call: HookCall,
  // biome-ignore lint/suspicious/noConfusingVoidType: a hook that answers nothing is written without a return
) => Promise<HookResult<H> | void> | HookResult<H> | void;

/** What a plugin's `setup` returns: the hooks it has. */
export type Hooks = { readonly [H in HookName]?: Hook<H> };
