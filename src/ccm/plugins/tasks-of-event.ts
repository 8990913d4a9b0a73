// Which calls of plugins an event of the log asks for. Pure: the log is the outbox, so nothing is lost and nothing is asked for twice.

import { z } from 'zod';
import type { EventResource } from '../../model/api.ts';
import { emptyTreeId, emptyTreeIds } from '../../model/tree.ts';
import type { HookName } from '../../plugins/api/hook-table.ts';
import type { NewTask } from './plugin-tasks.ts';

const release = z.object({ epoch: z.number(), sequence: z.number() });

const endedJob = z.object({
  text: z.string(),
  type: z.enum(['publish', 'rollback', 'synchronize']),
  release: release.nullable(),
  commit: z.string().nullable(),
  tree: z.string().nullable(),
  baseTree: z.string().nullable(),
  durationMs: z.number().nullable(),
  live: z.number(),
  total: z.number(),
  failed: z.array(z.string()),
  requestedBy: z.string(),
});
const startedJob = endedJob
  .pick({ type: true, commit: true, requestedBy: true })
  .extend({ attempt: z.number() });
const synchronized = z.object({ release, fromTree: z.string(), toTree: z.string() });

/** What a task of `invalidate`, `warm` or `reindex` is about. */
export const contentPayload = z.object({
  kind: z.enum(['publish', 'rollback', 'synchronize']),
  release,
  commit: z.string().nullable(),
  fromTree: z.string(),
  toTree: z.string(),
  decidedAt: z.number(),
});

/** What a task of `notify` says. */
export const notifyPayload = z.object({
  type: z.enum(['publish', 'rollback']),
  phase: z.enum(['started', 'live', 'failed', 'superseded', 'aborted']),
  commit: z.string().nullable(),
  release: release.nullable(),
  requestedBy: z.string(),
  live: z.number(),
  total: z.number(),
  failed: z.array(z.string()),
  text: z.string(),
  at: z.number(),
  durationMs: z.number().nullable(),
});

type NotifyPhase = z.output<typeof notifyPayload>['phase'];

const phases: Readonly<Record<string, NotifyPhase>> = {
  'job.succeeded': 'live',
  'job.failed': 'failed',
  'job.superseded': 'superseded',
  'job.aborted': 'aborted',
};

/** Nodes that come back together are purged for together. */
const gatherMs = 2_000;

/**
 * `withHook` names the instances that have a hook for a site; `isGated` says whether balancers keep nodes without its tree out. An event
 * of another shape (an older version's) asks for nothing.
 */
export function tasksOfEvent(
  event: EventResource,
  withHook: (hook: HookName, site: string) => readonly string[],
  isGated: (site: string) => boolean,
): NewTask[] {
  const { site, job, kind } = event;
  if (site === null) return [];
  const at = Date.parse(event.at);
  const each = (hook: HookName, payload: NewTask['payload']): NewTask[] =>
    withHook(hook, site).map((plugin) => ({ plugin, hook, site, job, payload }));

  if (kind === 'job.started') {
    const started = startedJob.safeParse(event.data);
    if (!started.success || started.data.type === 'synchronize') return [];
    const { type, commit, requestedBy, attempt } = started.data;
    // People hear once of a job, however often it is tried.
    if (attempt > 1) return [];
    const text = `${type} of ${site} has started`;
    const facts = { release: null, live: 0, total: 0, failed: [], durationMs: null };
    return each('notify', { ...facts, type, phase: 'started', commit, requestedBy, text, at });
  }
  const phase = phases[kind];
  if (phase !== undefined) {
    const ended = endedJob.safeParse(event.data);
    if (!ended.success || ended.data.type === 'synchronize') return [];
    const { tree, release: at1, type, commit, ...rest } = ended.data;
    const notified = each('notify', { ...rest, type, phase, commit, release: at1, at });
    if (phase !== 'live' || at1 === null || tree === null) return notified;
    // Nothing was live before: caches may hold that the pages were missing.
    const fromTree = ended.data.baseTree ?? emptyTreeId(tree);
    if (fromTree === tree) return notified;
    const content = { kind: type, release: at1, commit, fromTree, toTree: tree, decidedAt: at };
    return [...each('invalidate', content), ...each('reindex', content), ...notified];
  }
  if (kind === 'node.synchronized') {
    const found = synchronized.safeParse(event.data);
    if (!found.success || found.data.fromTree === found.data.toTree) return [];
    // An empty node that nobody was sent to has answered nothing that a cache could hold.
    if (emptyTreeIds.includes(found.data.fromTree) && isGated(site)) return [];
    const payload = { ...found.data, kind: 'synchronize', commit: null, decidedAt: at };
    return each('invalidate', payload).map((task) => ({ ...task, job: null, notBefore: at + gatherMs }));
  }
  return [];
}
