// Contents of single paths of a live tree for a node that found them changed (LINK-23): an ordinary assignment, built, signed, sealed and
// delivered like any other, with the tree that is live as base and target.

import type { KeyObject } from 'node:crypto';
import { type BuiltAssignment, buildAssignments } from '../../delta/build-assignments.ts';
import type { BuildPool } from '../../delta/build-pool.ts';
import { createContentPolicy } from '../../delta/content-policy.ts';
import { isFileMode } from '../../delta/copy-sources.ts';
import type { PlannedCommand } from '../../delta/planned-command.ts';
import type { GitSource } from '../../git-source/git-source.ts';
import type { AgentMessage } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import type { CoreState, SiteState, Snapshot } from '../core/state.ts';
import type { AssignmentStore } from '../distribution/assignment-store.ts';
import type { DeliveryRequest } from '../distribution/delivery.ts';
import type { Registry } from '../registry/registry.ts';
import type { PathTimes } from './path-times.ts';
import type { Repositories } from './repositories.ts';

export type RestoreRequest = Extract<AgentMessage, { type: 'mend' }>;

export interface RestoresOptions {
  readonly state: CoreState;
  readonly registry: Registry;
  readonly repositories: Repositories;
  readonly store: AssignmentStore;
  readonly pathTimes: PathTimes;
  readonly releaseKey: () => KeyObject;
  readonly pool: BuildPool;
  readonly now: () => number;
  /** It is tried again with the node's next pass. */
  readonly onBug: (error: unknown) => void;
}

export interface Restores {
  /** Undefined when the node has no right to it, another tree is live by now, or it cannot be built. */
  request(node: string, request: RestoreRequest): Promise<DeliveryRequest | undefined>;
}

/** What one answer brings, unless a single file is larger: the node asks again for the rest. Built well within the time that it waits. */
const bytesMax = 64 * 1024 ** 2;
/** Of answers' bytes, each counted as `bytesMax` at least: a node that asks without end costs no more than this. */
const allowedBytesMax = 8 * 1024 ** 3;
const allowedBytesPerSecond = 8 * 1024 ** 2;

export function createRestores(options: RestoresOptions): Restores {
  const { state, registry, repositories, store, pathTimes } = options;
  /** A node asks for one answer at a time; whoever asks for more is not answered. */
  const busy = new Set<string>();
  /** By node and site: what it was given last, which it has no use for when it asks again. */
  const given = new Map<string, readonly string[]>();
  const allowances = new Map<string, { bytes: number; at: number }>();

  function allowanceOf(key: string): { bytes: number; at: number } {
    const at = options.now();
    const before = allowances.get(key) ?? { bytes: allowedBytesMax, at };
    const more = (Math.max(0, at - before.at) / 1000) * allowedBytesPerSecond;
    const allowance = { bytes: Math.min(allowedBytesMax, before.bytes + more), at };
    allowances.set(key, allowance);
    return allowance;
  }

  async function plan(source: GitSource, site: SiteState, live: Snapshot, paths: readonly string[]) {
    const { tree } = live;
    const entries = await source.findEntries(tree, paths);
    const files = [...entries].filter(([, { mode }]) => isFileMode(mode));
    const sizes = await source.blobSizes(files.map(([, { id }]) => id));
    const sizeOf = new Map(files.map(([path], index) => [path, sizes[index] as number]));
    const times = await pathTimes.ofTree(site.name, live.lineage, entries.keys());
    const commands: PlannedCommand[] = [];
    const directories = new Set<string>();
    let bytes = 0;
    for (const [path, { mode, id }] of entries) {
      const size = sizeOf.get(path) ?? 0;
      const mtime = times.get(path) ?? live.lineage.baseMtime;
      if (!isFileMode(mode) && mode !== '120000') continue;
      if (commands.length > 0 && bytes + size > bytesMax) continue;
      bytes += size;
      for (const directory of parentsOf(path)) directories.add(directory);
      if (isFileMode(mode)) commands.push({ do: 'write', path, mode, blob: id, size, mtime });
      else commands.push({ do: 'symlink', path, blob: id, mtime });
    }
    const made = [...directories].sort().map((path) => ({ do: 'mkdir', path }) as const);
    return { commands: commands.length === 0 ? [] : [...made, ...commands], bytes };
  }

  async function record(part: BuiltAssignment): Promise<string> {
    await part.stored;
    return store.record(part.header, part.manifestBytes, part.inline ?? null).id;
  }

  async function answer(
    node: string,
    key: string,
    site: SiteState,
    { live, decision }: { readonly live: Snapshot; readonly decision: SignedDecision },
    paths: readonly string[],
  ): Promise<DeliveryRequest | undefined> {
    const source = repositories.source(site.repository);
    const allowance = allowanceOf(key);
    if (allowance.bytes <= 0) return undefined;
    const { commands, bytes } = await plan(source, site, live, paths);
    if (commands.length === 0) return undefined;
    allowance.bytes -= Math.max(bytes, bytesMax);
    for (const id of given.get(key) ?? []) await store.remove(id);
    given.delete(key);
    const contentKey = registry.contentKeys.current(site.name);
    const built = await buildAssignments({
      plan: commands,
      facts: {
        profile: 'linux-web-1',
        site: site.name,
        release: decision.release,
        type: 'restore',
        baseTree: live.tree,
        targetTree: live.tree,
        createdAt: Math.floor(options.now() / 1000),
      },
      policy: createContentPolicy(site.policy),
      contentKey: { id: contentKey.id, key: contentKey.key },
      signingKey: options.releaseKey(),
      readBlob: source.readBlob,
      streamBlob: source.streamBlob,
      outputDirectory: store.directory,
      pool: options.pool,
    });
    const assignments = await Promise.all(built.map(record));
    given.set(key, assignments);
    return { site: site.name, nodes: [node], release: decision.release, assignments };
  }

  return {
    async request(node, { site: name, tree, paths }) {
      const site = state.sites.get(name);
      const live = site?.live ?? null;
      const decision = site?.lastDecision ?? null;
      if (site === undefined || live === null || decision === null || !site.members.has(node))
        return undefined;
      const isLive = live.tree === tree && decision.toTree === tree;
      const key = `${node} ${name}`;
      if (!isLive || site.policy.drift.action !== 'repair' || busy.has(key)) return undefined;
      busy.add(key);
      try {
        return await answer(node, key, site, { live, decision }, paths);
      } catch (error) {
        options.onBug(error);
        return undefined;
      } finally {
        busy.delete(key);
      }
    },
  };
}

function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    parents.push(path.slice(0, slash));
  }
  return parents;
}
