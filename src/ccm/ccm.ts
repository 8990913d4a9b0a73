// A whole CCM, put together: database, registry, core, Git, agents' port, public port. `initCcm` makes its state directory,
// `runCcm` runs it until `close()`.

import { signObject } from '../assignment/signed.ts';
import { createGitEndpoint } from '../git-source/endpoint/git-endpoint.ts';
import { pushBytesMax } from '../git-source/tree-limits.ts';
import { TreecastError, toWireError } from '../model/treecast-error.ts';
import { steadyClock, systemClock } from '../net/clock.ts';
import { urlAuthority } from '../net/http/listen-address.ts';
import { formatJoinToken } from '../net/join/join-token.ts';
import { secretsLayOpen } from '../net/secret-directory.ts';
import { addressOf, reachable } from './addresses.ts';
import { createApi } from './api/create-api.ts';
import { createPublicServer } from './api/public-server.ts';
import { createCarryOut } from './carry-out.ts';
import type { Ccm, CcmOptions } from './ccm-options.ts';
import { openCcmState } from './ccm-state.ts';
import { servingOf } from './core/serving.ts';
import { createAssignmentStore } from './distribution/assignment-store.ts';
import { createDelivery } from './distribution/delivery.ts';
import { createGrants } from './distribution/grants.ts';
import { createRegrant } from './distribution/regrant.ts';
import { createDriftReports } from './drift/drift-reports.ts';
import { createAgentGateway } from './gateway/agent-gateway.ts';
import { createServerIdentity } from './gateway/server-identity.ts';
import { startHousekeeping } from './housekeeping.ts';
import { createKeyService } from './keys/key-service.ts';
import { createSignedAnew } from './keys/signed-anew.ts';
import { loadPlugins } from './load-plugins.ts';
import { createBuilds } from './planning/builds.ts';
import { createPathTimes } from './planning/path-times.ts';
import { createRepositories } from './planning/repositories.ts';
import { createRetention } from './planning/retention.ts';
import { createTreeDiffs } from './planning/tree-diffs.ts';
import { createTreeGuard } from './planning/tree-guard.ts';
import { createPluginService } from './plugins/plugin-service.ts';
import { createHistoryMending } from './push/mend-history.ts';
import { createPushAuthority } from './push/push-authority.ts';
import { createPushRecovery } from './push/recover-pushes.ts';
import { createNodeAuthority } from './registry/node-authority.ts';
import { createAgentEvents } from './runner/agent-events.ts';
import { beginRun } from './runner/begin-run.ts';
import { createCoreRunner } from './runner/core-runner.ts';
import { createDatabaseHealth } from './runner/database-health.ts';
import { createFollowers } from './runner/followers.ts';
import { createIsOwnDecision } from './runner/own-decision.ts';
import { createCorePersistence } from './runner/persist.ts';
import { createSegments } from './segments/segments.ts';
import { configuredEvent } from './service/configured-event.ts';
import { createService, readJob } from './service/create-service.ts';
import { createVerifyRequests } from './service/verify-requests.ts';
import { openTrees } from './tree/open-trees.ts';
import { version } from './version.ts';

export { backUpCcm } from './backup-ccm.ts';
export type { Ccm, CcmOptions } from './ccm-options.ts';
export { type CcmInit, initCcm } from './ccm-state.ts';
export { recoverToken } from './recover-token.ts';

export async function runCcm(options: CcmOptions): Promise<Ccm> {
  const { logger } = options;
  const opened = await openCcmState(options.directory, {
    create: options.create === true,
    certificateDays: options.certificateDays,
  });
  const { database, registry, keys, paths, hosts } = opened;
  if (keys.lainOpen.length > 0) logger.warn({ paths: keys.lainOpen }, secretsLayOpen);
  const agentListen = addressOf(options.agentListen);
  const now = Date.now;
  const plugins = await loadPlugins(options, opened);
  const repositories = createRepositories(paths.repositories, (repository, removed) =>
    logger.warn({ repository, removed }, 'a leftover of a crash was removed'),
  );
  const state = await beginRun(opened, repositories, logger, now);
  const diffs = createTreeDiffs();
  const guard = createTreeGuard(diffs);
  const store = createAssignmentStore(paths.assignments, database);
  for (const removed of await store.sweep()) logger.warn({ removed }, 'a leftover of a crash was removed');
  const pathTimes = createPathTimes(database);
  const signedAnew = createSignedAnew(keys);
  const drift = createDriftReports({ events: registry.events, state, logger });
  const grants = createGrants(state, registry, signedAnew, drift.understands);
  const followers = createFollowers({ job: (id) => readJob(state, database, id) });
  const verifyRequests = createVerifyRequests((node, request, site) =>
    gateway.send(node, { type: 'verify', request, site }),
  );
  const builds = createBuilds({
    state,
    registry,
    repositories,
    diffs,
    guard,
    store,
    pathTimes,
    releaseKey: keys.releaseKey,
    now,
    onBug: (error) => logger.error({ err: error }, 'a build met a bug'),
    onUnstored: (assignment, error) =>
      logger.error({ err: error, assignment }, 'an assignment could not be stored'),
  });
  const persistence = createCorePersistence({
    database,
    events: registry.events,
    decisionRows: builds.decisionRows,
  });
  const health = createDatabaseHealth({
    settings: registry.settings,
    now,
    logger,
    // What the registry wrote meanwhile, and the core could not be told.
    onGoingOn: takeUpMembership,
  });
  const runner = createCoreRunner({
    state,
    persistence,
    health,
    now,
    sign: (decision) => signObject(decision, keys.releaseKey()),
    act: (effect) => carryOut(effect),
    ended: builds.forget,
    fatal(error) {
      logger.fatal({ err: error }, 'the CCM stops: its state could not be written');
      options.onFatal?.(error);
    },
  });

  const pluginService = createPluginService({
    plugins,
    database,
    registry,
    repositories,
    diffs,
    serving: (site) => servingOf(state, site),
    liveTree: (site) => state.sites.get(site)?.live?.tree ?? null,
    clock: systemClock,
    onBug: (error) => logger.error({ err: error }, 'the work of a plugin met a bug'),
    onProblem: (site, node, error) => logger.warn({ site, node, code: error.code }, error.message),
  });

  const identity = await createServerIdentity({
    certificates: keys.certificates,
    hosts: ['localhost', '127.0.0.1', '::1', ...hosts],
    clock: systemClock,
    onRenewed: (renewed) => gateway.useIdentity(renewed),
    onError: (error) => logger.error({ err: error }, 'the certificate of the agents’ port was not renewed'),
  });
  const segments = createSegments({
    registry,
    send: (node, message) => gateway.send(node, message),
    isConnected: (node) => gateway.isConnected(node),
    behind: (node) => gateway.behind(node),
    appoint: (segment, leader) => gateway.appoint(segment, leader),
    settings: options.segments,
    health,
    clock: systemClock,
    logger,
  });
  const trees = openTrees({
    ccm: opened,
    isOn: options.tree !== 'off',
    gateway: () => gateway,
    reportOf: segments.reportOf,
    health,
    logger,
  });
  const agentEvents = createAgentEvents({
    registry,
    health,
    post: runner.post,
    configure: takeUpMembership,
    releaseKeys: keys.formerReleaseKeys,
    isOwnDecision: createIsOwnDecision(database),
    verifyRequests,
    siteFacts(node, site, urlMap) {
      if (!pluginService.urlMaps.report(node, site, urlMap))
        logger.warn({ node, site }, 'a node said how it maps a site, and it is no URL map, or not its site');
    },
    receipt: pluginService.hookTimings.record,
    drift,
    segments,
    trees,
    mend: (node, request) =>
      void builds.restore(node, request).then((found) => found && delivery.deliver(found)),
    onForged: (node, what) => logger.warn({ node, what }, 'a node sent something that it did not sign'),
    assignmentBytes: (id) => store.known(id)?.dataBytes ?? 0,
  });
  const gateway = createAgentGateway({
    listen: agentListen,
    // KEYS-12: tickets end by the clock that they were issued by.
    clock: steadyClock,
    identity: identity.current(),
    certificates: keys.certificates,
    authority: createNodeAuthority(registry),
    ticketKeys: keys.believedReleaseKeys,
    statements: () => keys.history().statements,
    resolveAssignment: store.files,
    uplink: options.uplink,
    segmentOf: (node) => registry.nodes.find(node)?.segment ?? null,
    handlers: agentEvents,
    onRefused(who, error) {
      logger.warn({ ...who, error: toWireError(error) }, 'an agent was turned away');
      agentEvents.refused(who, error);
    },
    onLed: trees.led,
    onJoined: (node) => {
      logger.info({ node }, 'a node joined');
      takeUpMembership();
    },
  });
  let isReady = false;
  let agentUrl = '';
  const delivery = createDelivery({
    store,
    gateway,
    trees,
    releaseKey: keys.releaseKey,
    agentUrl: () => agentUrl,
    now: steadyClock.now,
    onMissing(request, error) {
      logger.error({ err: error, ...request }, 'assignments are not there; they are built anew');
      const { site, nodes, assignments } = request;
      runner.post({ type: 'assignmentsMissing', site, nodes, assignments });
    },
  });

  const carryOut = createCarryOut({
    send: gateway.send,
    delivery,
    builds,
    grants,
    followers,
    gate: pluginService.gate,
    post: runner.post,
    ...createHistoryMending({ state, repositories, service: () => service, logger }),
    releaseKeys: keys.believedReleaseKeys,
    signedAnew,
    welcomed(node) {
      segments.welcomed(node);
      verifyRequests.welcomed(node);
    },
    now,
    logger,
  });

  const regrant = createRegrant(state, grants, gateway.send);

  async function configure(): Promise<void> {
    for (const site of registry.sites.list()) {
      try {
        await repositories.ensure(site.repository, site.branch);
      } catch (error) {
        // Its pushes and builds fail with their reason; the other sites go on.
        logger.error({ err: error, repository: site.repository }, 'a staging repository cannot be opened');
      }
    }
    await membershipChanged();
    await recover();
  }

  function membershipChanged(): Promise<void> {
    segments.sitesChanged();
    return runner.request(configuredEvent(registry, database));
  }

  /** A node joined or says other labels: no repository and no branch is another than before. */
  function takeUpMembership(): void {
    membershipChanged().catch((error: unknown) =>
      logger.error({ err: error }, 'a change of configuration was not taken up'),
    );
  }

  const keyService = createKeyService({
    keys,
    registry,
    state,
    store,
    identity,
    gateway,
    regrant,
  });
  await keyService.finish();
  const service = createService({
    state,
    database,
    registry,
    followers,
    verifyRequests,
    health,
    request: runner.request,
    treeOfCommit: (repository, commit) => repositories.source(repository).treeOf(commit),
    configure,
    isConnected: gateway.isConnected,
    turnAway(node, error) {
      gateway.close(node, error);
      agentEvents.removed(node);
    },
    segmentsChanged: segments.changed,
    regrant,
  });
  const authority = createPushAuthority({
    registry,
    health,
    service,
    repositories,
    guard,
    liveTree: (site) => state.sites.get(site)?.live?.tree ?? null,
  });
  const recover = createPushRecovery({
    state,
    repositories,
    service,
    isPushing: authority.isPushing,
    logger,
  });
  const git = createGitEndpoint({
    repositoriesDirectory: paths.repositories,
    authority,
    maxInputBytes: pushBytesMax,
    logger,
  });

  let publicUrl = options.publicUrl ?? opened.publicUrl ?? '';
  const gitUrl = (repository: string) => `${publicUrl}/git/${repository}.git`;
  const api = createApi({
    service,
    keys: keyService,
    plugins: pluginService,
    drift,
    segments,
    trees,
    registry,
    version,
    git,
    resolveRef: (repository, ref) => repositories.source(repository).resolveCommit(ref),
    isConnected: gateway.isConnected,
    behind: gateway.behind,
    gitUrl,
    formatJoinToken: (secret) =>
      formatJoinToken({ url: agentUrl, secret, fingerprint: keys.certificates.fingerprint }),
    requireReady() {
      health.require();
      if (isReady) return;
      throw new TreecastError('DEFERRED', 'The CCM is starting or stopping.', {
        fix: 'Ask again in a few seconds.',
      });
    },
    onBug: (error, facts) => logger.error({ err: error, ...facts }, 'a request met a bug'),
  });
  // Only a core that knows its sites and members may meet agents: it tells them what they no longer hold.
  await configure();
  await runner.request({ type: 'started' });
  const agentPort = (await gateway.listen()).port;
  agentUrl =
    options.agentUrl ??
    opened.agentUrl ??
    `https://${urlAuthority({ host: reachable(agentListen.host), port: agentPort })}`;
  isReady = true;
  const server = await createPublicServer(api, { listen: addressOf(options.listen), tls: options.tls });
  publicUrl ||= server.url;
  const retention = createRetention({
    state,
    store,
    contentKeys: registry.contentKeys,
    source: repositories.source,
    now,
    onError: (error) => logger.error({ err: error }, 'what is no longer needed could not be given back'),
  });
  const stopHousekeeping = startHousekeeping({
    recover,
    recoverIntervalMs: options.recoverIntervalMs,
    database,
    retention,
    isIdle: () => state.jobs.size === 0,
    logger,
  });
  builds.warm().catch((error: unknown) => logger.error({ err: error }, 'no build worker could be started'));
  logger.info({ api: publicUrl, agents: agentUrl }, 'the CCM is ready');

  return {
    api: publicUrl,
    agentUrl,
    git: gitUrl,
    registry,
    async close() {
      stopHousekeeping();
      await server.close();
      identity.close();
      segments.close();
      await gateway.stop();
      trees.close();
      await pluginService.close();
      runner.close();
      await builds.close();
      await retention.close();
      await repositories.close();
      opened.close();
    },
  };
}
