// An agent: one state directory, one link to the CCM, its sites' sessions and, if wanted, the built-in static server.
// This file puts them together and takes them down again; it decides nothing about content.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { commandSetProfiles } from '../../model/assignment.ts';
import { leaderProfile } from '../../model/leader-messages.ts';
import { driftProfile, type Hello, ownerProfile, protocolVersions } from '../../model/messages.ts';
import { segmentProfile } from '../../model/segment-messages.ts';
import { treeProfile } from '../../model/tree-messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { createCcmTime } from '../../net/ccm-time.ts';
import { type Clock, steadyClock, systemClock } from '../../net/clock.ts';
import { createCcmDialer } from '../../net/dial/ccm-dialer.ts';
import { createDialingAgent } from '../../net/dial/dialing-agent.ts';
import { createRangeClient } from '../../net/fetch/range-client.ts';
import { closeSecretDirectory, secretsLayOpen } from '../../net/secret-directory.ts';
import { explainStateDirectory } from '../../net/state-directory-trouble.ts';
import { lockStateDirectory } from '../../net/state-lock.ts';
import { createPluginSet } from '../../plugins/host/create-plugin-set.ts';
import { readAgentConfiguration } from '../configuration/agent-configuration.ts';
import { createLeaderSource } from '../content/leader-source.ts';
import { createRangeSource } from '../content/range-source.ts';
import { createSourcesOf } from '../content/sources-of.ts';
import { untilHeld } from '../content/until-held.ts';
import { createNodeCredentials } from '../credentials/node-credentials.ts';
import { openNodeIdentity } from '../join/node-identity.ts';
import { createGroupLeader } from '../leader/create-group-leader.ts';
import type { GroupLeader } from '../leader/group-leader.ts';
import { type AgentLink, createAgentLink } from '../link/agent-link.ts';
import { followedLeader } from '../link/followed-leader.ts';
import { createFrameSigner } from '../link/frame-signer.ts';
import { tunnelPlaces } from '../link/tunnel-places.ts';
import { createMulticastSource } from '../multicast/multicast-source.ts';
import { openMulticast } from '../multicast/open-multicast.ts';
import { createScrubBudget } from '../scrub/scrub-budget.ts';
import { createSegmentAgent, type SegmentAgent } from '../segment/segment-agent.ts';
import type { SegmentNetwork } from '../segment/segment-view.ts';
import { shareOfNewest } from '../segment/share-of-newest.ts';
import { type AgentLog, silentLog } from '../session/agent-log.ts';
import { addressOf } from '../session/receive-assignment.ts';
import { createReleaseKeys } from '../session/release-keys.ts';
import { createReceiptSigner } from '../session/sign-receipt.ts';
import { createStaticServer, type StaticServer } from '../static-server/static-server.ts';
import { createSiteStore } from '../store/create-site-store.ts';
import { createSpaceLedger } from '../store/space-ledger.ts';
import { freeSpace } from './free-space.ts';
import { createIdleCollection } from './idle-collection.ts';
import { openKnownSites } from './known-sites.ts';
import { makeReachable } from './reachable-directory.ts';
import { createSiteSessions } from './site-sessions.ts';
import { warmUp } from './warm-up.ts';

export interface RunAgentOptions {
  /** Said in the hello. */
  readonly version: string;
  readonly log?: AgentLog;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
  /** Ends the wait for a plugin that hangs while it is set up; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Beyond this, a wrong clock is told. */
const clockWarnMs = 60_000;

export interface RunningAgent {
  readonly node: string;
  /** Origin of the built-in static server, without trailing slash; null when it is off. */
  readonly url: string | null;
  /** The first welcome has arrived. Stays pending while the CCM is away; trying goes on. */
  readonly ready: Promise<void>;
  /** Finishes what is being written, closes everything and gives the directory free. Idempotent. */
  close(): Promise<void>;
}

/** Throws NOT_FOUND (not joined), INVALID_CONFIGURATION, PLUGIN_INVALID, STATE_DIRECTORY_LOCKED, STATE_CORRUPT, DISK_FAILED, or when its port is taken. */
export async function runAgent(directory: string, options: RunAgentOptions): Promise<RunningAgent> {
  const lock = lockStateDirectory(directory, 'treecast agent run');
  const closers: (() => Promise<void> | void)[] = [() => lock.release()];
  let closing: Promise<void> | undefined;
  const closeAll = (): Promise<void> => {
    closing ??= (async () => {
      for (const close of closers.reverse()) await close();
    })();
    return closing;
  };
  try {
    return await start(directory, options, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw explainStateDirectory(error, directory);
  }
}

async function start(
  directory: string,
  options: RunAgentOptions,
  closers: (() => Promise<void> | void)[],
  closeAll: () => Promise<void>,
): Promise<RunningAgent> {
  const { log = silentLog, clock = systemClock, random = Math.random } = options;
  const configuration = await readAgentConfiguration(directory);
  const identityDirectory = join(directory, 'identity');
  const lainOpen = existsSync(identityDirectory) ? await closeSecretDirectory(identityDirectory) : [];
  if (lainOpen.length > 0) log.warn({ paths: lainOpen }, secretsLayOpen);
  const opened = await openNodeIdentity(directory);
  if (opened === undefined) {
    throw new TreecastError('NOT_FOUND', `${directory} holds no node: it has not joined a CCM.`, {
      fix: 'Join first: treecast agent join TOKEN --dir DIR.',
    });
  }
  const joined = opened.identity;
  if (configuration.name !== undefined && configuration.name !== joined.name) {
    throw new TreecastError(
      'INVALID_CONFIGURATION',
      `agent.yaml names the node ${configuration.name}, but it joined as ${joined.name}.`,
      { fix: 'Correct `name`, or join again under the new name.' },
    );
  }
  const ccmUrl = configuration.ccm ?? joined.ccmUrl;
  const root = configuration.root ?? join(directory, 'sites');
  await makeReachable(root, 0o755);

  const plugins = await createPluginSet({
    entries: configuration.plugins,
    place: 'agent',
    base: directory,
    stateDirectory: join(directory, 'plugins'),
    log,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  closers.push(() => plugins.close());
  const keys = createReleaseKeys([]);
  const ccmTime = createCcmTime(clock);
  let link: AgentLink | undefined;
  let segment: SegmentAgent | undefined;
  let group: GroupLeader | undefined;
  const dial = createCcmDialer({
    credentials: () => credentials.current(),
    vias: () => tunnelPlaces(segment, joined.via ?? null),
    clock: steadyClock,
  });
  const toCcm = createDialingAgent(dial);
  const credentials = createNodeCredentials({
    directory,
    opened,
    ccmUrl,
    agent: toCcm,
    releaseKeys: keys,
    ccmTime,
    clock,
    random,
    log,
    onChanged: () => link?.reconnect(),
  });
  closers.push(() => credentials.close());
  const ranges = createRangeClient({ credentials: credentials.current, dial, clock, random });
  closers.push(() => ranges.close());
  const fromLeader = createLeaderSource({
    credentials: credentials.current,
    leader: async (signal) => link?.settledLeader(signal) ?? null,
    clock: steadyClock,
    random,
  });
  closers.push(fromLeader.close);
  const network = (): SegmentNetwork | null => segment?.view().network ?? null;
  const mctp = openMulticast({ node: joined.name, network, credentials, clock: steadyClock, log });
  closers.push(mctp.close);
  const fromMulticast = createMulticastSource({
    mctp,
    hears: () => network()?.hears ?? false,
    beside: fromLeader,
    received: (assignment) => sessions.received(assignment),
    clock: steadyClock,
    log,
  });
  closers.push(fromMulticast.close);
  const welcomed = Promise.withResolvers<void>();
  const space = createSpaceLedger();
  const collection = createIdleCollection();
  closers.push(collection.close);
  const sessions = createSiteSessions({
    root,
    known: openKnownSites(directory),
    keys,
    createStore: (store) => createSiteStore({ ...store, space }),
    plugins,
    pendingDirectory: join(directory, 'plugins', '.pending'),
    report: (report) => {
      link?.send(report);
    },
    signReceipt: createReceiptSigner(joined.name, credentials.key, () => clock.now()),
    receiver: {
      sourcesOf: createSourcesOf({
        held: (assignment) => group?.heldContent(assignment) ?? null,
        leader: () => (link?.leader() == null ? [] : [fromMulticast, fromLeader]),
        heldAsLeader: (assignment, signal) =>
          untilHeld({
            held: () => group?.heldContent(assignment) ?? null,
            leads: () => segment?.view().leader === joined.name,
            clock: steadyClock,
            signal,
          }),
        ccm: createRangeSource('ccm', ranges, (url) => addressOf(url, ccmUrl)),
      }),
      log,
    },
    scrub:
      configuration.scrub === 'off'
        ? null
        : {
            budget: createScrubBudget(configuration.scrub.bytesPerSecond, clock, collection.soon),
            everyMs: configuration.scrub.everySeconds * 1_000,
          },
    clock,
    log,
    onWelcome(time) {
      log.info({ ccmUrl }, 'connected');
      const aheadMs = ccmTime.heard(time);
      if (Math.abs(aheadMs) > clockWarnMs) {
        log.warn({ aheadMs }, 'this machine’s clock and the CCM’s are more than a minute apart');
      }
      void credentials.check();
      welcomed.resolve();
    },
  });
  closers.push(() => sessions.close());
  await sessions.open();

  let server: StaticServer | undefined;
  if (configuration.serve !== 'off') {
    const { site, listen, url } = configuration.serve;
    server = await createStaticServer({
      listen,
      ...(url === undefined ? {} : { url }),
      // The configured site, else the first one that this node was granted.
      store: () => (site === undefined ? sessions.all()[0] : sessions.of(site))?.store ?? null,
      log,
    });
    closers.push(server.close);
  }
  const url = server?.url ?? null;
  warmUp(opened.key);

  const profiles = [...commandSetProfiles, driftProfile, ownerProfile];
  if (configuration.segment !== 'off') {
    segment = createSegmentAgent({
      node: joined.name,
      directory,
      settings: configuration.segment,
      credentials,
      ccmUrl,
      capabilities: profiles,
      freeBytes: () => freeSpace(root).freeBytes,
      content: () => shareOfNewest(sessions.all().map((session) => session.holding())),
      send: (message) => link?.send(message) ?? false,
      onView: followLeader,
      onDecision: (from, decision) => link?.overheard(from, decision),
      bytesPerSecondMax: () => group?.status().bytesPerSecondMax ?? null,
      random,
      log,
    });
    closers.push(segment.close);
    group = createGroupLeader({
      node: joined.name,
      directory,
      ccmUrl,
      credentials: credentials.current,
      ranges,
      dial,
      treeOrder: configuration.tree.order,
      releaseKeys: keys,
      ccmNow: ccmTime.now,
      segment,
      received: sessions.received,
      send: (message) => link?.send(message) ?? false,
      onDecision: segment.announceDecision,
      multicast: { mctp, isUsable: () => network()?.isHeard ?? false },
      clock: steadyClock,
      random,
      log,
    });
    closers.push(group.close);
  }

  function followLeader(): void {
    const view = segment?.view();
    if (view === undefined) return;
    group?.listenAt(view.own);
    const { leader, leads } = followedLeader(joined.name, view);
    link?.follow(leader, leads);
  }

  const hello = (): Hello => ({
    type: 'hello',
    protocols: [...protocolVersions],
    agentVersion: options.version,
    node: joined.name,
    profiles: [...profiles, ...(segment === undefined ? [] : [segmentProfile, leaderProfile, treeProfile])],
    url,
    labels: configuration.labels,
    ...freeSpace(root),
    sites: sessions.all().flatMap((session) => session.holding() ?? []),
  });
  link = createAgentLink({
    node: joined.name,
    sign: createFrameSigner(joined.name, credentials.key, clock.now()),
    ccmUrl,
    agent: toCcm,
    credentials: credentials.current,
    hello,
    onMessage(message, isOwn) {
      collection.soon();
      sessions.receive(message);
      if (!isOwn) return;
      segment?.receive(message);
      group?.receive(message);
    },
    onDown(error, retryMs) {
      log.warn({ code: error.code, retryMs }, error.message);
      credentials.linkDown(error);
    },
    onLinkEnd() {
      group?.linkDown();
      segment?.linkDown();
    },
    onBehind: () => segment?.behind(),
    onLeft: () => segment?.linkDown(),
    onWithheld: fromLeader.withhold,
    multicast: fromMulticast,
    clock: steadyClock,
    random,
    log,
  });
  closers.push(link.close);
  return { node: joined.name, url, ready: welcomed.promise, close: closeAll };
}
