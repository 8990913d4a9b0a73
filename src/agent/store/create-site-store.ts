// The SiteStore of one site: puts acceptance, staging, switching, verification and background work together.
// Calls come one at a time (the caller's duty); the background gives way to each of them.

import path from 'node:path';
import { canonicalJson } from '../../assignment/canonical-json.ts';
import { readManifest } from '../../assignment/read-manifest.ts';
import { failpoint } from '../../faults/failpoint.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import type { HeldTree, SiteGrant } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { compareReleases, type Release, releaseName } from '../../model/release.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { pathGlob } from '../../plugins/urls/path-glob.ts';
import { checkAcceptable, isRestore } from './acceptance.ts';
import { createBackground } from './background.ts';
import { checkPaths } from './check-paths.ts';
import { diffTrees } from './diff-trees.ts';
import { createDisk, type Disk } from './disk.ts';
import type { ReceivedAssignment } from './inbox.ts';
import { directoryOfLiveTarget } from './layout.ts';
import { createMaintenance, rebuildIndex } from './maintenance.ts';
import { type MendOptions, mendPaths } from './mend-paths.ts';
import { openSite } from './open-site.ts';
import { checkOwner, ownerNamed } from './owner.ts';
import { createPartsCollector } from './parts-collector.ts';
import { parsePluginCommands } from './plugin-commands.ts';
import { restorePaths } from './restore-paths.ts';
import type {
  Drift,
  ResolvedTree,
  SiteStore,
  SiteStoreOptions,
  StageProgress,
  TreeProof,
} from './site-store.ts';
import { explainDisk, type Space } from './space.ts';
import { createSiteSpace } from './space-ledger.ts';
import { type StageRequest, stageRelease } from './stage.ts';
import { dropStaging, planRenames, type Slot, slotOf } from './state.ts';
import { executeDecision, switchBackFrom } from './switch.ts';
import { IndexGap } from './tree-index.ts';
import { verifyTree } from './verify.ts';
import { walkLive } from './walk-live.ts';
import { createTwinWriter } from './write-twins.ts';

/** Opens the site and recovers it. `disk` is given by tests and benches that count calls or inject failures. */
export async function createSiteStore(
  options: SiteStoreOptions,
  disk: Disk = createDisk(),
): Promise<SiteStore> {
  let { grant } = options;
  const directory = path.join(options.root, options.site);
  const context = await openSite(options, () => grant, disk).catch((error: unknown) => {
    throw explainDisk(error, 'opening the site', { disk, directory, need: null });
  });
  const { journal, layout, paths, index, inbox, twins } = context;
  const background = createBackground(createMaintenance(context));
  const parts = createPartsCollector();
  const twinWriter = createTwinWriter(context);
  const space = createSiteSpace(disk, layout.site, options.space);
  let closed = false;

  /** Whoever reads the error learns which file system it was, and what it lacks. */
  async function told<T>(doing: string, need: Space | null, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explainDisk(error, doing, { disk, directory: layout.site, need });
    }
  }

  /** What former releases left behind may still be on its way out: it goes before anything is refused. */
  async function claimSpace(header: AssignmentHeader, inboxBytes: number): Promise<void> {
    try {
      space.claim(header, inboxBytes);
    } catch {
      await background.settle().catch(() => undefined);
      space.claim(header, inboxBytes);
    }
  }

  async function stageParts(
    complete: readonly ReceivedAssignment[],
    signal: AbortSignal,
    onProgress: StageProgress | undefined,
  ): Promise<TreeProof> {
    twinWriter.drop();
    const request: StageRequest = {
      parts: complete,
      contentKeys: grant.contentKeys,
      signal,
      onProgress(done) {
        space.written(done.commandsDone / done.commands);
        onProgress?.(done);
      },
    };
    const proof = await told('staging it', space.claimed(), () =>
      background.exclusively(() => stageWithIndex(request)),
    );
    parts.clear();
    space.release();
    return proof;
  }

  /** Of a release that is not staged: what was received of it, and its claim on space. */
  function giveUp(release: Release): void {
    parts.forget(release);
    inbox.drop((received) => compareReleases(received, release) === 0);
    space.release((header) => sameRelease(header, { release }));
  }

  function checkSite({ site }: { readonly site: string }): void {
    if (site === options.site) return;
    throw new TreecastError('BUG', `site ${site} was given to the store of site ${options.site}`);
  }

  /** An index that turns out to have gaps costs one full re-read of live, then staging is tried again. */
  async function stageWithIndex(request: StageRequest) {
    try {
      return await stageRelease(context, request);
    } catch (error) {
      if (!isIndexGap(error)) throw error;
    }
    const wanted = liveSlot()?.held?.tree;
    if (wanted === undefined) return stageRelease(context, request);
    // JOB-14: a large site takes minutes.
    const atWork = () => request.onProgress?.({ commandsDone: 0, commands: 1 });
    const found = await rebuildIndex(context, request.signal, atWork);
    if (found !== wanted) {
      throw new TreecastError('CONTENT_DRIFT', `live is ${found} on disk, not ${wanted}`, {
        fix: 'Files of the live tree were changed on this node: see `treecast verify`.',
        data: { found, wanted },
      });
    }
    return stageRelease(context, request);
  }

  function liveSlot(): Slot | undefined {
    return slotOf(journal.state(), journal.state().live);
  }

  function held(number: number | null | undefined): HeldTree | null {
    return slotOf(journal.state(), number ?? null)?.held ?? null;
  }

  function stagedSlot(): Slot | undefined {
    const { staging } = journal.state();
    return staging?.complete ? slotOf(journal.state(), staging.slot) : undefined;
  }

  async function verifyLive(signal: AbortSignal | undefined): ReturnType<SiteStore['verify']> {
    const live = liveSlot();
    if (!live?.held) return { proof: { tree: null, scope: 'full', release: null }, drift: [] };
    // One that is not known here is an error, not drift.
    ownerNamed(grant.policy);
    const root = layout.tree(live.directory);
    const hasTwins = journal.state().twins;
    // STG-23: records that were lost are mended first, as the background would.
    if (hasTwins && !twins.isKnown(live.slot)) {
      await background.exclusively(() => rebuildIndex(context, signal));
    }
    const twinsIn = hasTwins ? (path: string) => twins.inDirectory(live.slot, path) : undefined;
    const wanted = live.held.tree;
    const { tree, drift } = await verifyTree({
      disk,
      index,
      root,
      tree: wanted,
      twinsIn,
      modes: context.modes(),
      signal,
    });
    return { proof: { tree, scope: 'full', release: live.held.release }, drift };
  }

  function isIgnored(): (path: string) => boolean {
    const { ignore = [] } = grant.policy.drift ?? {};
    return ignore.length === 0 ? () => false : pathGlob(ignore);
  }

  function mendOptions(signal: AbortSignal): MendOptions & { readonly signal: AbortSignal } {
    return { removeExtra: grant.policy.drift?.extra === 'remove', isIgnored: isIgnored(), signal };
  }

  async function findDrift(paths: Iterable<string>, signal: AbortSignal): Promise<readonly Drift[]> {
    const ignored = isIgnored();
    return (await checkPaths(context, paths, signal)).filter(({ path }) => !ignored(path));
  }

  function resolve(slot: Slot | undefined): ResolvedTree | null {
    return slot?.held ? { ...slot.held, directory: paths.tree(slot.directory) } : null;
  }

  return {
    site: options.site,
    holding() {
      const { live, backup, lastDecision, executed } = journal.state();
      return {
        site: options.site,
        live: held(live),
        backup: held(backup),
        staged: stagedSlot()?.held ?? null,
        lastDecision,
        executed,
      };
    },
    live: () => held(journal.state().live),
    received: inbox.received,
    async openInbox(bytes) {
      const manifest = readManifest(bytes, { verifySignature: options.verifySignature });
      const { header } = manifest;
      checkAcceptable(header, journal.state());
      await told('receiving it', null, async () => checkOwner(context, grant.policy));
      // A newer release makes the reception of older ones pointless.
      inbox.drop((release) => compareReleases(release, header.release) < 0);
      await claimSpace(header, inbox.bytesToWrite(manifest));
      try {
        return await told('receiving it', space.claimed(), () => inbox.open(manifest));
      } catch (error) {
        space.release(({ id }) => id === header.id);
        throw error;
      }
    },
    pause: ({ header }) => space.release(({ id }) => id === header.id),
    async stage(entry, signal, onProgress) {
      const received = entry as ReceivedAssignment;
      const { header } = received;
      checkAcceptable(header, journal.state());
      if (isRestore(header)) {
        throw new TreecastError('ASSIGNMENT_MALFORMED', `assignment ${header.id} stages nothing: it repairs`);
      }
      if (received.missingBlocks().length > 0) {
        throw new TreecastError('STAGE_FAILED', `assignment ${header.id} has not arrived completely`, {
          fix: 'Fetch the missing blocks first.',
        });
      }
      const { staging } = journal.state();
      if (staging?.complete && staging.targetTree === header.targetTree && sameRelease(staging, header)) {
        await entry.discard();
        space.release();
        return { tree: staging.targetTree, scope: 'changed', release: staging.release };
      }
      try {
        await told('staging it', null, async () => checkOwner(context, grant.policy));
        await claimSpace(header, 0);
        const complete = parts.add(received);
        if (!complete) return { tree: null, scope: 'changed', release: header.release };
        return await stageParts(complete, signal, onProgress);
      } catch (error) {
        // Stopped on its way, it may be asked for again.
        if (error instanceof TreecastError && error.code === 'ABORTED') {
          parts.forget(header.release);
          space.release();
        } else giveUp(header.release);
        throw error;
      }
    },
    async writeTwin(release, path, suffix, bytes) {
      await told('writing twins', null, async () => twinWriter.write(release, path, suffix, bytes));
    },
    async sealTwins(release) {
      if (!twinWriter.isWaiting(release)) return;
      await told('writing twins', null, () => background.exclusively(() => twinWriter.seal(release)));
    },
    async decide(decision: SignedDecision) {
      checkSite(decision);
      checkSignature(decision, options.verifySignature);
      twinWriter.drop();
      return told('switching', null, () => background.exclusively(() => executeDecision(context, decision)));
    },
    async switchBack(decision) {
      checkSite(decision);
      checkSignature(decision, options.verifySignature);
      return told('switching back', null, () =>
        background.exclusively(() => switchBackFrom(context, decision)),
      );
    },
    async abort(release) {
      const { staging, lastDecision, executed } = journal.state();
      const decided = lastDecision && !executed && compareReleases(lastDecision.release, release) === 0;
      if (!decided) giveUp(release);
      if (!staging || !sameRelease(staging, { release })) return false;
      if (decided && lastDecision.toTree === staging.targetTree) return false;
      twinWriter.drop();
      await told('undoing a staging', null, () =>
        background.exclusively(() => journal.save(planRenames(dropStaging(journal.state())), 'kept')),
      );
      failpoint('agent.stage.aborted');
      return true;
    },
    async verify(signal) {
      return told('verifying', null, () =>
        verifyLive(signal).catch((error: unknown) => {
          // The records of twins turned out damaged: they are derived anew first.
          if (!isIndexGap(error)) throw error;
          return verifyLive(signal);
        }),
      );
    },
    *basePathsOf(entry) {
      for (const command of (entry as ReceivedAssignment).commands()) {
        if (command.do === 'plugin') continue;
        yield command.path;
        if ('from' in command) yield command.from;
      }
    },
    walk: (walk) => walkLive(context, { ...walk, isIgnored: isIgnored() }),
    check: findDrift,
    async mend(drift, signal) {
      await background.exclusively(() => mendPaths(context, drift, mendOptions(signal)));
      return findDrift(
        drift.map(({ path }) => path),
        signal,
      );
    },
    async restore(entry, drift, signal) {
      const received = entry as ReceivedAssignment;
      const { header } = received;
      try {
        checkAcceptable(header, journal.state());
        if (!isRestore(header) || received.missingBlocks().length > 0) {
          throw new TreecastError('BUG', `assignment ${header.id} cannot be restored from`);
        }
        const options = { ...mendOptions(signal), contentKeys: grant.contentKeys };
        await background.exclusively(() => restorePaths(context, received, drift, options));
      } finally {
        // Another repair brings an assignment of its own.
        space.release(({ id }) => id === header.id);
        await entry.discard();
      }
      return findDrift(
        drift.map(({ path }) => path),
        signal,
      );
    },
    settle: () => told('work in the background', null, () => background.settle()),
    updateGrant(next) {
      checkSite(next);
      grant = next satisfies SiteGrant;
    },
    resolveLive() {
      const target = disk.readlink(layout.live);
      const directory = target === undefined ? undefined : directoryOfLiveTarget(target);
      if (directory === undefined) return null;
      return resolve(journal.state().slots.find((candidate) => candidate.directory === directory));
    },
    resolveStaged: () => resolve(stagedSlot()),
    resolveBackup: () => resolve(slotOf(journal.state(), journal.state().backup)),
    commandsOf(release) {
      const state = journal.state();
      const slots = [stagedSlot(), liveSlot(), slotOf(state, state.backup)];
      const id = slots.find((slot) => slot?.held && sameRelease(slot.held, { release }))?.commands;
      return id ? parsePluginCommands(id, inbox.kept('commands', id) ?? Buffer.alloc(0)) : [];
    },
    diffTrees: (from, to) => diffTrees(index, from, to),
    blobIdOf(tree, path) {
      try {
        const entry = index.entryOf(tree, path);
        return entry?.mode.startsWith('100') ? entry.id : undefined;
      } catch (error) {
        if (error instanceof IndexGap) return undefined;
        throw error;
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      await background.close();
      space.release();
      twinWriter.drop();
      context.making?.close();
      inbox.close();
      index.close();
      twins.close();
      for (const handle of Object.values({ ...context.handles })) disk.close(handle);
    },
  };
}

function sameRelease(a: Pick<SignedDecision, 'release'>, b: Pick<SignedDecision, 'release'>): boolean {
  return compareReleases(a.release, b.release) === 0;
}

function isIndexGap(error: unknown): boolean {
  return error instanceof IndexGap || (error instanceof Error && error.cause instanceof IndexGap);
}

function checkSignature(decision: SignedDecision, verify: SiteStoreOptions['verifySignature']): void {
  const { signature, ...signed } = decision;
  if (verify(Buffer.from(canonicalJson(signed)), Buffer.from(signature, 'base64'))) return;
  throw new TreecastError(
    'DECISION_INVALID',
    `no trusted release key signed the decision ${releaseName(decision.release)}`,
    {
      fix: 'If the release keys of the CCM were changed, reconnect the agent; else somebody tampers with messages.',
    },
  );
}
