// Answers the core's `build` effects: guard, diff, path times, plan, and one assignment (in parts when it must) for each base.

import type { KeyObject } from 'node:crypto';
import { type BuiltAssignment, buildAssignments } from '../../delta/build-assignments.ts';
import { createBuildPool } from '../../delta/build-pool.ts';
import { createContentPolicy } from '../../delta/content-policy.ts';
import { copySourcesOf } from '../../delta/copy-sources.ts';
import { planCommandsInSlices, planQuestionsInSlices } from '../../delta/plan-commands.ts';
import { pluginCommands } from '../../delta/plugin-commands.ts';
import type { GitSource } from '../../git-source/git-source.ts';
import { emptyTreeIds, type ObjectId, type TreeChange } from '../../model/tree.ts';
import { TreecastError, toWireError } from '../../model/treecast-error.ts';
import { diskError, diskTroubleOf } from '../../net/disk-trouble.ts';
import type { ActEffect } from '../core/effects.ts';
import type { BuiltCohort, CoreEvent } from '../core/events.ts';
import type { CoreState, Job, Lineage, SiteState } from '../core/state.ts';
import type { Query } from '../db/ccm-database.ts';
import type { AssignmentStore } from '../distribution/assignment-store.ts';
import type { DeliveryRequest } from '../distribution/delivery.ts';
import type { Registry } from '../registry/registry.ts';
import { addUnchangedCopySources } from './copy-sources.ts';
import { directoriesOf } from './directories.ts';
import type { PathTimes } from './path-times.ts';
import type { Repositories } from './repositories.ts';
import { createRestores, type RestoreRequest } from './restores.ts';
import { retimedCommands, wasLiveTwice } from './retimed-commands.ts';
import type { TreeDiffs } from './tree-diffs.ts';
import type { TreeGuard } from './tree-guard.ts';

type BuildEffect = Extract<ActEffect, { do: 'build' }>;
type Answer = Extract<CoreEvent, { type: 'built' | 'buildFailed' }>;

export interface Builds {
  build(effect: BuildEffect): Promise<Answer>;
  /** A job is decided: the times it wrote count from now on. Returns what goes into the database with its decision. */
  decisionRows(job: Job): Iterable<Query>;
  /** What a node asked for to put changed files right (LINK-23); undefined when it is not answered. */
  restore(node: string, request: RestoreRequest): Promise<DeliveryRequest | undefined>;
  /** Starts a worker, so that the first larger build does not wait for it. */
  warm(): Promise<void>;
  /** A job ended: its times are no longer needed here, and nowhere when it was not decided. */
  forget(job: string): void;
  close(): Promise<void>;
}

export interface BuildsOptions {
  readonly state: CoreState;
  readonly registry: Registry;
  readonly repositories: Repositories;
  readonly diffs: TreeDiffs;
  readonly guard: TreeGuard;
  readonly store: AssignmentStore;
  readonly pathTimes: PathTimes;
  readonly releaseKey: () => KeyObject;
  readonly now: () => number;
  readonly onBug: (error: unknown) => void;
  /** A small assignment was sent but its files could not be written; it is built anew when it is asked for again. */
  readonly onUnstored: (assignment: string, error: unknown) => void;
}

/** Times of a target tree's paths, as far as a publish changed them and as its lineage had them. */
export interface TargetTimes {
  readonly lineage: Lineage;
  readonly changed: ReadonlyMap<string, number>;
  /** Where the other paths' times are found; null when every path has the base time. */
  readonly before: Lineage | null;
  readonly supersedes: { readonly after: number } | null;
  /** The tree that `changed` starts from: its other paths have the right times already. */
  readonly from: ObjectId | null;
}

/** A publish's times, of its newest attempt. */
interface Attempt {
  readonly site: string;
  readonly sequence: number;
  readonly times: Promise<TargetTimes>;
  /** Becomes known with the times. */
  supersedes: TargetTimes['supersedes'];
  /** Its times are in the database. */
  written: Promise<void>;
  decided: boolean;
}

export function createBuilds(options: BuildsOptions): Builds {
  const { state, registry, repositories, diffs, guard, store, pathTimes } = options;
  const pool = createBuildPool();
  const restores = createRestores({ ...options, pool });
  const attempts = new Map<string, Attempt>();

  async function build(effect: BuildEffect): Promise<Answer> {
    const { job: jobId, site: siteName, release } = effect;
    try {
      const site = state.sites.get(siteName);
      const job = jobId === null ? null : (state.jobs.get(jobId) ?? null);
      if (site === undefined) throw new TreecastError('NOT_FOUND', `There is no site ${siteName}.`);
      const source = repositories.source(site.repository);
      const kept = source.keepTree(effect.target);
      // Awaited below; when something else fails first, that is the reason to tell.
      kept.catch(() => undefined);
      const attempt = job?.type === 'publish' ? attemptOf(site, job, effect, source) : undefined;
      const times = attempt === undefined ? liveTimes(site) : await attempt.times;
      const cohorts: BuiltCohort[] = [];
      let files = 0;
      for (const base of effect.bases) {
        const changes = await diffs.diff(source, base, effect.target);
        files = Math.max(files, changes.length);
        cohorts.push(await buildCohort(effect, site, source, base, changes, times));
      }
      await Promise.all([kept, attempt?.written]);
      return {
        type: 'built',
        job: jobId,
        site: siteName,
        release,
        cohorts,
        files,
        lineage: job?.type === 'publish' ? times.lineage : null,
      };
    } catch (cause) {
      const error = explained(cause);
      if (!(error instanceof TreecastError)) options.onBug(error);
      return {
        type: 'buildFailed',
        job: jobId,
        site: siteName,
        release,
        bases: effect.bases,
        error: toWireError(error),
      };
    }
  }

  /** What the CCM's own disk is to blame for. */
  function explained(error: unknown): unknown {
    const trouble = diskTroubleOf(error);
    if (trouble === undefined) return error;
    const what = error instanceof TreecastError ? error.message : 'building the assignment';
    const place = trouble.errno.startsWith('SQLITE') ? 'the database' : store.directory;
    return diskError(trouble, what, `the CCM’s file system of ${place}`, error);
  }

  /** A publish's own times are settled once an attempt, whatever bases follow. Undefined when they are those of the live tree already. */
  function attemptOf(site: SiteState, job: Job, effect: BuildEffect, source: GitSource): Attempt | undefined {
    const known = attempts.get(job.id);
    if (known?.sequence === effect.release.sequence) return known;
    // Decided before this CCM started.
    if (job.decidedAt !== null) return undefined;
    abandon(known);
    const attempt: Attempt = {
      site: site.name,
      sequence: effect.release.sequence,
      times: Promise.resolve().then(async () => {
        const settled = await publishTimes(site, job, effect, source);
        if (attempts.get(job.id) !== attempt)
          throw new TreecastError('ABORTED', `Job ${job.id} ended while it was being planned.`);
        attempt.supersedes = settled.supersedes;
        attempt.written = pathTimes.write(attempt.site, attempt.sequence, settled.changed);
        // Awaited at the end of the build; when something else fails first, that is the reason to tell.
        attempt.written.catch(() => undefined);
        return settled;
      }),
      supersedes: null,
      written: Promise.resolve(),
      decided: false,
    };
    attempts.set(job.id, attempt);
    return attempt;
  }

  function abandon(attempt: Attempt | undefined): void {
    if (attempt !== undefined && !attempt.decided) pathTimes.drop(attempt.site, attempt.sequence);
  }

  async function publishTimes(
    site: SiteState,
    job: Job,
    effect: BuildEffect,
    source: GitSource,
  ): Promise<TargetTimes> {
    const live = job.baseTree;
    await guard.require({
      policy: site.policy,
      source,
      live,
      target: effect.target,
      allowDelete: job.allowDelete,
    });
    const isEmpty = live === null || emptyTreeIds.includes(live);
    const before = isEmpty ? null : (site.live?.lineage ?? null);
    const { lineage, times } = await pathTimes.forPublish({
      site: site.name,
      sequence: effect.release.sequence,
      acceptedAt: Math.floor(job.createdAt / 1000),
      live: before,
      changes: before === null || live === null ? [] : await diffs.diff(source, live, effect.target),
    });
    const supersedes =
      before !== null && site.lastDecision?.kind === 'rollback' ? { after: before.contentSequence } : null;
    return { lineage, changed: times, before, supersedes, from: live };
  }

  function liveTimes(site: SiteState): TargetTimes {
    if (site.live === null) throw new Error(`site ${site.name} has nothing to synchronize to`);
    return {
      lineage: site.live.lineage,
      changed: new Map(),
      before: site.live.lineage,
      supersedes: null,
      from: null,
    };
  }

  async function mtimes(
    site: string,
    times: TargetTimes,
    changes: readonly TreeChange[],
  ): Promise<(path: string) => number> {
    const others = changes
      .filter((change) => change.after !== undefined && !times.changed.has(change.path))
      .map((change) => change.path);
    const found =
      times.before === null || others.length === 0
        ? new Map<string, number>()
        : await pathTimes.ofTree(site, times.before, others);
    return (path) => times.changed.get(path) ?? found.get(path) ?? times.lineage.baseMtime;
  }

  async function buildCohort(
    effect: BuildEffect,
    site: SiteState,
    source: GitSource,
    base: ObjectId,
    changes: readonly TreeChange[],
    times: TargetTimes,
  ): Promise<BuiltCohort> {
    const { target, release, type } = effect;
    const found = await store.find(site.name, base, target, release);
    if (found !== undefined) return cohortOf(base, found);
    const questions = await planQuestionsInSlices(changes);
    const copySources = copySourcesOf(changes);
    const [sizes, inBase, inTarget, mtimeOf] = await Promise.all([
      source.blobSizes(questions.sizes),
      directoriesOf(source, base, questions.directories.base),
      directoriesOf(source, target, questions.directories.target),
      mtimes(site.name, times, changes),
      addUnchangedCopySources(source, base, changes, copySources),
    ]);
    const commands = await planCommandsInSlices({
      changes,
      directories: { base: inBase, target: inTarget },
      sizes: new Map(questions.sizes.map((id, index) => [id, sizes[index] as number])),
      copySources,
      mtimeOf,
    });
    const isUpToDate = base === times.from && !wasLiveTwice(site, base);
    const retimed =
      isUpToDate || emptyTreeIds.includes(base)
        ? []
        : await retimedCommands({ site, source, pathTimes, base, target, changes, times });
    const contentKey = registry.contentKeys.current(site.name);
    const built = await buildAssignments({
      plan: [...commands, ...retimed, ...pluginCommands(site.policy.commands)],
      facts: {
        profile: 'linux-web-1',
        site: site.name,
        release,
        type,
        baseTree: base,
        targetTree: target,
        createdAt: Math.floor(options.now() / 1000),
      },
      policy: createContentPolicy(site.policy),
      contentKey: { id: contentKey.id, key: contentKey.key },
      signingKey: options.releaseKey(),
      readBlob: source.readBlob,
      streamBlob: source.streamBlob,
      outputDirectory: store.directory,
      pool,
    });
    return cohortOf(base, await Promise.all(built.map(record)));
  }

  /** A small assignment is sent while its files are still being written; the others are fetched from their files. */
  async function record(part: BuiltAssignment) {
    if (part.inline === undefined) await part.stored;
    else part.stored.catch((error: unknown) => options.onUnstored(part.id, error));
    return store.record(part.header, part.manifestBytes, part.inline ?? null);
  }

  function cohortOf(
    base: ObjectId,
    parts: readonly { id: string; manifestBytes: number; dataBytes: number }[],
  ): BuiltCohort {
    return {
      base,
      assignments: parts.map((part) => part.id),
      bytes: parts.reduce((sum, part) => sum + part.manifestBytes + part.dataBytes, 0),
    };
  }

  return {
    build,
    decisionRows(job) {
      const attempt = attempts.get(job.id);
      if (attempt === undefined || attempt.sequence !== job.release?.sequence) return [];
      attempt.decided = true;
      const { site, sequence, supersedes } = attempt;
      return supersedes === null
        ? []
        : [pathTimes.supersede(site, { after: supersedes.after, before: sequence })];
    },
    forget(job) {
      abandon(attempts.get(job));
      attempts.delete(job);
    },
    restore: restores.request,
    warm: () => pool.warm(),
    close: () => pool.close(),
  };
}
