// A whole CCM, put together: database, registry, core, Git, agents' port, public port. `initCcm` makes its state directory,
// `runCcm` runs it until `close()`.

import { join } from 'node:path';
import type { Logger } from 'pino';
import { signObject } from '../assignment/signed.ts';
import { createGitEndpoint } from '../git-source/endpoint/git-endpoint.ts';
import { TreecastError, toWireError } from '../model/treecast-error.ts';
import { systemClock } from '../net/clock.ts';
import { parseListenAddress, urlAuthority } from '../net/http/listen-address.ts';
import { formatJoinToken } from '../net/join/join-token.ts';
import { createPluginSet } from '../plugins/host/create-plugin-set.ts';
import type { PluginEntry } from '../plugins/host/plugin-entry.ts';
import { createApi } from './api/create-api.ts';
import { createPublicServer } from './api/public-server.ts';
import { createCarryOut } from './carry-out.ts';
import { openCcmState } from './ccm-state.ts';
import { servingOf } from './core/serving.ts';
import { createAssignmentStore } from './distribution/assignment-store.ts';
import { createDelivery } from './distribution/delivery.ts';
import { createGrants } from './distribution/grants.ts';
import { createAgentGateway } from './gateway/agent-gateway.ts';
import { createBuilds } from './planning/builds.ts';
import { createPathTimes } from './planning/path-times.ts';
import { createRepositories } from './planning/repositories.ts';
import { createRetention } from './planning/retention.ts';
import { createTreeDiffs } from './planning/tree-diffs.ts';
import { createTreeGuard } from './planning/tree-guard.ts';
import { createPluginService } from './plugins/plugin-service.ts';
import { adoptBranch, republishLive } from './push/mend-history.ts';
import { createPushAuthority } from './push/push-authority.ts';
import { recoverPushes } from './push/recover-pushes.ts';
import { createNodeAuthority } from './registry/node-authority.ts';
import type { Registry } from './registry/registry.ts';
import { createAgentEvents } from './runner/agent-events.ts';
import { beginRun } from './runner/begin-run.ts';
import { createCoreRunner } from './runner/core-runner.ts';
import { createDatabaseHealth } from './runner/database-health.ts';
import { createFollowers } from './runner/followers.ts';
import { createCorePersistence } from './runner/persist.ts';
import { configuredEvent } from './service/configured-event.ts';
import { createService, readJob } from './service/create-service.ts';
import { createVerifyRequests } from './service/verify-requests.ts';
import { version } from './version.ts';

export { backUpCcm } from './backup-ccm.ts';
export { type CcmInit, initCcm } from './ccm-state.ts';
export { recoverToken } from './recover-token.ts';

export interface CcmOptions {
  readonly directory: string;
  /** `host:port`; port 0 lets the system choose. */
  readonly listen: string;
  readonly agentListen: string;
  /** The operator's certificate and key for the public port, PEM; without them it speaks plain HTTP. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  /** Origins without trailing slash; by default the addresses listened on. */
  readonly publicUrl?: string | undefined;
  readonly agentUrl?: string | undefined;
  readonly logger: Logger;
  readonly plugins?: readonly PluginEntry[];
  /** Ends the wait for a plugin that hangs while it is set up; its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Whether a state directory that does not exist is made. */
  readonly create?: boolean;
  /** How often pushes whose event was lost are looked for; they are at start as well. */
  readonly recoverIntervalMs?: number;
  /** Called when the CCM can no longer go on (its database refused a write): the process should end and be started again. */
  readonly onFatal?: (error: unknown) => void;
}

export interface Ccm {
  /** Origin of the public port. */
  readonly api: string;
  /** Origin of the agents' port. */
  readonly agentUrl: string;
  git(repository: string): string;
  readonly registry: Registry;
  close(): Promise<void>;
}

/** The largest push, in bytes: what one site may hold, and then some. */
const pushBytesMax = 4 * 1024 ** 3;
const recoverIntervalMsDefault = 60_000;
const checkpointIntervalMs = 30_000;

export async function runCcm(options: CcmOptions): Promise<Ccm> {
  const { logger } = options;
  const opened = await openCcmState(options.directory, { create: options.create === true });
  const { database, registry, keys, paths, hosts } = opened;
  const listen = addressOf(options.listen);
  const agentListen = addressOf(options.agentListen);
  const now = Date.now;

  const plugins = await createPluginSet({
    entries: options.plugins ?? [],
    place: 'ccm',
    base: options.directory,
    stateDirectory: join(options.directory, 'plugins'),
    log: logger,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  }).catch((error: unknown) => {
    opened.close();
    throw error;
  });
  const repositories = createRepositories(paths.repositories, (repository, removed) =>
    logger.warn({ repository, removed }, 'a leftover of a crash was removed'),
  );
  const state = await beginRun(opened, repositories, logger, now);
  const diffs = createTreeDiffs();
  const guard = createTreeGuard(diffs);
  const store = createAssignmentStore(paths.assignments, database);
  for (const removed of await store.sweep()) logger.warn({ removed }, 'a leftover of a crash was removed');
  const pathTimes = createPathTimes(database);
  const grants = createGrants(state, registry);
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
    sign: (decision) => signObject(decision, keys.releaseKey),
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

  const identity = await keys.certificates.issueServerIdentity(['localhost', '127.0.0.1', '::1', ...hosts]);
  const gateway = createAgentGateway({
    listen: agentListen,
    identity,
    certificates: keys.certificates,
    authority: createNodeAuthority(registry),
    ticketKeys: [keys.releasePublicKey],
    resolveAssignment: store.files,
    handlers: createAgentEvents({
      registry,
      health,
      post: runner.post,
      configure: takeUpMembership,
      releaseKeys: [keys.releasePublicKey],
      verifyRequests,
      siteFacts(node, site, urlMap) {
        if (!pluginService.urlMaps.report(node, site, urlMap))
          logger.warn(
            { node, site },
            'a node said how it maps a site, and it is no URL map, or not its site',
          );
      },
      receipt: pluginService.hookTimings.record,
      onForged: (node, what) => logger.warn({ node, what }, 'a node sent something that it did not sign'),
      assignmentBytes: (id) => store.known(id)?.dataBytes ?? 0,
    }),
    onRefused: (who, error) => logger.warn({ ...who, error: toWireError(error) }, 'an agent was turned away'),
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
    releaseKey: keys.releaseKey,
    agentUrl: () => agentUrl,
    now,
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
    republish(site) {
      republishLive({ state, service }, site).catch((error: unknown) =>
        logger.error({ err: error, site }, 'the live tree could not be decided again'),
      );
    },
    historyLost(site, { code, message, fix }) {
      logger.warn({ site, code, fix }, message);
      adoptBranch({ state, repositories, service }, site).catch((error: unknown) =>
        logger.error({ err: error, site }, 'the branch could not be compared with what is served'),
      );
    },
    releaseKeys: [keys.releasePublicKey.export({ type: 'spki', format: 'pem' }) as string],
    now,
    logger,
  });

  function sendGrant(site: string, nodes: readonly string[]): void {
    for (const node of nodes) {
      const grant = grants.ofSite(site, node);
      if (grant !== undefined) gateway.send(node, { type: 'grant', grant });
    }
  }

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
    return runner.request(configuredEvent(registry, database));
  }

  /** A node joined or says other labels: no repository and no branch is another than before. */
  function takeUpMembership(): void {
    membershipChanged().catch((error: unknown) =>
      logger.error({ err: error }, 'a change of configuration was not taken up'),
    );
  }

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
    turnAway: gateway.close,
    regrant: (site) => sendGrant(site, [...(state.sites.get(site)?.members ?? [])]),
  });
  const authority = createPushAuthority({
    registry,
    health,
    service,
    repositories,
    guard,
    liveTree: (site) => state.sites.get(site)?.live?.tree ?? null,
  });
  const recover = () =>
    recoverPushes({ state, repositories, service, isPushing: authority.isPushing, logger });
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
    plugins: pluginService,
    registry,
    version,
    git,
    resolveRef: (repository, ref) => repositories.source(repository).resolveCommit(ref),
    isConnected: gateway.isConnected,
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
  const server = await createPublicServer(api, { listen, ...(options.tls && { tls: options.tls }) });
  publicUrl ||= server.url;
  const recovering = setInterval(() => void recover(), options.recoverIntervalMs ?? recoverIntervalMsDefault);
  const retention = createRetention({
    state,
    store,
    source: repositories.source,
    onError: (error) => logger.error({ err: error }, 'what is no longer needed could not be given back'),
  });
  // What a crash kept from being given back.
  void retention.tidy();
  // Left to itself, SQLite would copy the log back in the middle of some push.
  const checkpointing = setInterval(() => {
    if (state.jobs.size > 0) return;
    try {
      database.checkpoint();
    } catch (error) {
      // The log only grows a little longer.
      logger.warn({ err: error }, 'the database’s log could not be copied back');
    }
    void retention.tidy();
  }, checkpointIntervalMs);
  builds.warm().catch((error: unknown) => logger.error({ err: error }, 'no build worker could be started'));
  logger.info({ api: publicUrl, agents: agentUrl }, 'the CCM is ready');

  return {
    api: publicUrl,
    agentUrl,
    git: gitUrl,
    registry,
    async close() {
      clearInterval(recovering);
      clearInterval(checkpointing);
      await server.close();
      await gateway.stop();
      await pluginService.close();
      runner.close();
      await builds.close();
      await retention.close();
      await repositories.close();
      opened.close();
    },
  };
}

function addressOf(text: string): { host: string; port: number } {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  throw new TreecastError('INVALID_CONFIGURATION', `"${text}" is not an address to listen on.`, {
    fix: 'Write HOST:PORT, such as 127.0.0.1:7070.',
  });
}

/** What others on this machine connect to when every address is listened on. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
