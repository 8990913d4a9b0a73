// The sessions of all sites of a node: opened from disk and by grants, closed by removals; hands each message to its own.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SiteGrant } from '../../model/messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { ReceivedMessage } from '../../net/link/link-client.ts';
import type { PluginSet } from '../../plugins/host/plugin-set.ts';
import { openPendingSwitch } from '../plugins/pending-switch.ts';
import { createSiteHooks, type SiteHooks } from '../plugins/site-hooks.ts';
import type { ReleaseKeys } from '../session/release-keys.ts';
import { reportableError } from '../session/reportable-error.ts';
import { createSiteSession, type SiteSession, type SiteSessionOptions } from '../session/site-session.ts';
import type { ReceivedBlocks, SiteStore, SiteStoreOptions } from '../store/site-store.ts';
import { createDiscardedSites } from './discarded-sites.ts';
import { grantWithoutKeys, type KnownSitesFile, sitesOnDisk } from './known-sites.ts';

export interface SiteSessions {
  /** Opens what is known and on disk; resolves when every store is open, or has failed to. */
  open(): Promise<void>;
  receive(message: ReceivedMessage): void;
  all(): readonly SiteSession[];
  of(site: string): SiteSession | undefined;
  /** What a site's inbox has of that assignment, for other nodes; null: nothing. */
  received(assignment: string): ReceivedBlocks | null;
  close(): Promise<void>;
}

export interface SiteSessionsOptions
  extends Pick<SiteSessionOptions, 'report' | 'signReceipt' | 'receiver' | 'scrub' | 'clock' | 'log'> {
  readonly root: string;
  readonly known: KnownSitesFile;
  readonly keys: ReleaseKeys;
  readonly plugins: PluginSet;
  /** Where notes of interrupted switches are kept. */
  readonly pendingDirectory: string;
  readonly createStore: (options: SiteStoreOptions) => Promise<SiteStore>;
  /** With the CCM's time. */
  readonly onWelcome: (ccmTime: number) => void;
}

export function createSiteSessions(options: SiteSessionsOptions): SiteSessions {
  const { root, known, keys, plugins, log } = options;
  const sessions = new Map<string, SiteSession>();
  const hooks = new Map<string, SiteHooks>();
  const grants = new Map<string, SiteGrant>();
  const discarded = createDiscardedSites(root);
  /** Directories on their way out, by site. */
  const removals = new Map<string, Promise<void>>();
  let leftovers: Promise<void> | undefined;

  function openSession(site: string): SiteSession {
    const siteHooks = createSiteHooks({ site, root, plugins });
    hooks.set(site, siteHooks);
    const session = createSiteSession({
      ...options,
      site,
      hooks: siteHooks,
      pending: openPendingSwitch(join(options.pendingDirectory, `${site}.json`)),
      scrubFile: join(root, site, 'scrub.json'),
      verifyDecision: keys.verifyDecision,
      async openStore() {
        // Granted again: what was removed must be gone before the same name is used.
        await removals.get(site);
        return options.createStore({
          root,
          site,
          grant: grants.get(site) ?? grantWithoutKeys(site),
          verifySignature: keys.verify,
        });
      },
    });
    sessions.set(site, session);
    return session;
  }

  function remember(): void {
    known
      .write({ releaseKeys: keys.pems(), grants: [...grants.values()] })
      .catch((error: unknown) => log.warn({ err: error }, 'the grants could not be written'));
  }

  function grant(granted: SiteGrant): void {
    grants.set(granted.site, granted);
    (sessions.get(granted.site) ?? openSession(granted.site)).grant(granted);
  }

  /** LINK-20: the one thing that takes a site from a node. */
  function remove(site: string): void {
    const session = sessions.get(site);
    const siteHooks = hooks.get(site);
    hooks.delete(site);
    grants.delete(site);
    sessions.delete(site);
    remember();
    if (session === undefined) return;
    log.info({ site }, 'the site is removed from this node');
    const removal = session
      .close(async () => {
        await siteHooks?.detach();
        await discarded.discard(site);
        await rm(join(options.pendingDirectory, `${site}.json`), { force: true });
      })
      .catch((error: unknown) => log.error({ site, err: error }, 'the removed site’s files are still there'))
      .finally(() => {
        if (removals.get(site) === removal) removals.delete(site);
      });
    removals.set(site, removal);
  }

  function requireSession(site: string, message: string): SiteSession | undefined {
    const session = sessions.get(site);
    if (session === undefined)
      log.warn({ site, message }, 'a message for a site that this node does not have');
    return session;
  }

  function receive(message: ReceivedMessage): void {
    switch (message.type) {
      case 'welcome':
        keys.replace(message.releaseKeys);
        for (const granted of message.sites) grant(granted);
        remember();
        options.onWelcome(message.ccmTime);
        return;
      case 'grant':
        grant(message.grant);
        remember();
        return;
      case 'removed':
        remove(message.site);
        return;
      case 'assignment':
        requireSession(message.site, message.type)?.assignment(message);
        return;
      case 'decision':
        requireSession(message.decision.site, message.type)?.decision(message.decision);
        return;
      case 'abort':
        requireSession(message.site, message.type)?.abort(message.release);
        return;
      case 'verify': {
        const session = requireSession(message.site, message.type);
        if (session === undefined) reportUnknown(message.request, message.site);
        else session.verify(message.request);
        return;
      }
      case 'segment':
      case 'segmentVerdict':
      case 'segmentAsked':
      case 'segmentResign':
      case 'revocations':
      case 'leaderSession':
      case 'leaderLimits':
      case 'relay':
      case 'relayAnswer':
      case 'treeExpect':
      case 'handOut':
      case 'treeNextAnswer':
      case 'treeEnd':
        // No site's business.
        return;
    }
  }

  function reportUnknown(request: string, site: string): void {
    const error = new TreecastError('NOT_FOUND', `This node does not have the site ${site}.`);
    const receipt = options.signReceipt(site, 'verified', { tree: null, scope: 'full', release: null });
    options.report({
      type: 'verified',
      request,
      site,
      receipt,
      drift: [],
      error: reportableError(error, null),
    });
  }

  return {
    async open() {
      const { releaseKeys, grants: kept } = await known.read();
      keys.replace(releaseKeys);
      for (const granted of kept) grants.set(granted.site, granted);
      leftovers = discarded
        .removeLeftovers()
        .catch((error: unknown) => log.error({ err: error }, 'the files of a removed site are still there'));
      for (const site of new Set([...grants.keys(), ...(await sitesOnDisk(root))])) openSession(site);
      await Promise.all([...sessions.values()].map((session) => session.idle()));
    },
    receive,
    all: () => [...sessions.values()],
    of: (site) => sessions.get(site),
    received(assignment) {
      for (const { store } of sessions.values()) {
        const found = store?.received(assignment) ?? null;
        if (found !== null) return found;
      }
      return null;
    },
    async close() {
      await Promise.all([...sessions.values()].map((session) => session.close()));
      await Promise.all([...removals.values(), leftovers]);
    },
  };
}
