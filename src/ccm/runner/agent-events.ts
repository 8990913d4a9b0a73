// From what agents say to events of the core: signatures are verified here, so that the core may believe what it is told.

import type { KeyObject } from 'node:crypto';
import { verifyObject } from '../../assignment/signed.ts';
import { isLeaderMessage } from '../../model/leader-messages.ts';
import type { Hello, SiteHolding } from '../../model/messages.ts';
import type { Receipt, SignedReceipt } from '../../model/receipt.ts';
import { isTreeMessage } from '../../model/tree-messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CoreEvent } from '../core/events.ts';
import type { DriftReports } from '../drift/drift-reports.ts';
import type { AgentReport } from '../gateway/agent-connection.ts';
import type { AgentHandlers, Refused } from '../gateway/agent-gateway.ts';
import type { Registry } from '../registry/registry.ts';
import type { Segments } from '../segments/segments.ts';
import type { VerifyRequests } from '../service/verify-requests.ts';
import type { Trees } from '../tree/trees.ts';
import type { DatabaseHealth } from './database-health.ts';
import type { IsOwnDecision } from './own-decision.ts';

export interface AgentEventsOptions {
  readonly registry: Registry;
  /** While nothing can be written, nobody new is welcomed: what a hello says must be kept. */
  readonly health: Pick<DatabaseHealth, 'waitsFor'>;
  readonly post: (event: CoreEvent) => void;
  /** Labels changed, and with them perhaps memberships. */
  readonly configure: () => void;
  /** All that this CCM signed decisions with, and that were not compromised. */
  readonly releaseKeys: () => readonly KeyObject[];
  readonly isOwnDecision: IsOwnDecision;
  readonly verifyRequests: VerifyRequests;
  /** How a web server on a node maps a site; it may be no URL map at all. */
  readonly siteFacts: (node: string, site: string, urlMap: unknown) => void;
  /** A receipt of a switch or of a staging, verified. */
  readonly receipt: (receipt: SignedReceipt) => void;
  readonly drift: Pick<DriftReports, 'connected' | 'report' | 'removed'>;
  readonly segments: Pick<Segments, 'connected' | 'message' | 'leaderSaid' | 'disconnected' | 'removed'>;
  readonly trees: Pick<Trees, 'connected' | 'disconnected' | 'said' | 'removed'>;
  readonly mend: (node: string, request: Extract<AgentReport, { type: 'mend' }>) => void;
  readonly onForged: (node: string, what: string) => void;
  /** Commands of an assignment, for the share that is done; 0 when unknown. */
  readonly assignmentBytes: (assignment: string) => number;
}

export interface AgentEvents extends AgentHandlers {
  /** Somebody was turned away by the gateway. */
  refused(who: Refused, error: TreecastError): void;
  /** What the node was known by is forgotten: whoever joins under its name is another one (KEYS-7). */
  removed(node: string): void;
}

const forgedReceipt = {
  code: 'RECEIPT_INVALID',
  message: 'its receipt is not one that this node signed for this',
  fix: 'look at the agent on that node; when nobody can say why, remove the node',
} as const;

/** What was carried as a node's word, and no honest node and leader would have said (LEAD-3). */
const forgeryCodes: ReadonlySet<string> = new Set(['MESSAGE_INVALID', 'RATE_LIMITED']);

export function createAgentEvents(options: AgentEventsOptions): AgentEvents {
  const { registry, post, releaseKeys, segments, trees, verifyRequests, onForged } = options;
  /** Of each node: its connection's key, and the one before it, since a receipt may have been signed just before a renewal (KEYS-4). */
  const keys = new Map<string, readonly KeyObject[]>();

  /** Throws RECEIPT_INVALID, which closes the connection: no honest agent ever shows such a one. */
  function requireGenuine(node: string, receipt: SignedReceipt, site: string, phase: Receipt['phase']): void {
    const own = keys.get(node);
    const isRight = receipt.node === node && receipt.site === site && receipt.phase === phase;
    if (own !== undefined && isRight && verifyObject(receipt, own)) return;
    onForged(node, `receipt of phase ${receipt.phase}`);
    registry.events.append({
      actor: node,
      kind: 'node.report.refused',
      site,
      node,
      data: { error: { code: forgedReceipt.code, message: forgedReceipt.message } },
    });
    throw new TreecastError(forgedReceipt.code, forgedReceipt.message, { fix: forgedReceipt.fix });
  }

  /** A decision that this CCM did not sign proves nothing about its own past; nor does a compromised key, but the database does. */
  function trusted(node: string, holding: SiteHolding): SiteHolding {
    const { lastDecision, site } = holding;
    if (lastDecision === null) return holding;
    const isGenuine = verifyObject(lastDecision, releaseKeys()) || options.isOwnDecision(lastDecision);
    if (lastDecision.site === site && isGenuine) return holding;
    onForged(node, 'last decision');
    return { ...holding, lastDecision: null, executed: false };
  }

  return {
    connected(node, hello: Hello, { id, publicKey, leader }) {
      if (options.health.waitsFor !== undefined) throw options.health.waitsFor;
      const [before] = keys.get(node) ?? [];
      if (before === undefined || !before.equals(publicKey)) {
        keys.set(node, before === undefined ? [publicKey] : [publicKey, before]);
      }
      options.drift.connected(node, hello);
      segments.connected(node, hello, leader !== null);
      if (leader === null) trees.connected(node, hello.profiles);
      const { url, agentVersion, freeBytes, labels } = hello;
      if (registry.nodes.seen(node, { url, agentVersion, freeBytes, labels })) options.configure();
      post({
        type: 'nodeConnected',
        node,
        connection: id,
        sites: hello.sites.map((holding) => trusted(node, holding)),
        ...(leader === null ? {} : { behind: leader }),
      });
    },

    message(node, report: AgentReport) {
      if (report.type === 'segmentReport' || report.type === 'segmentState') {
        segments.message(node, report);
        return;
      }
      if (
        report.type === 'roundReport' ||
        report.type === 'leaderProblem' ||
        report.type === 'leaderSessions' ||
        report.type === 'leaderTraffic'
      ) {
        segments.leaderSaid(node, report);
        return;
      }
      if (isTreeMessage(report)) {
        trees.said(node, report);
        return;
      }
      // The gateway hands over nothing else of a leader's.
      if (isLeaderMessage(report))
        throw new TreecastError('MESSAGE_INVALID', 'The agent speaks for others and was not asked to.', {
          fix: 'Look at the agent on this node; upgrade it.',
        });
      const { site } = report;
      switch (report.type) {
        case 'held':
          post({ type: 'nodeHeld', node, site, assignment: report.assignment });
          return;
        case 'progress': {
          const total = options.assignmentBytes(report.assignment);
          post({
            type: 'nodeProgress',
            node,
            site,
            assignment: report.assignment,
            share: total === 0 ? 0 : Math.min(1, report.receivedBytes / total),
            commandsDone: report.commandsDone,
          });
          return;
        }
        case 'staged':
          try {
            requireGenuine(node, report.receipt, site, 'staged');
          } catch (error) {
            // The job need not wait for its end: what it waits for will not come.
            const { release } = report.receipt;
            if (release !== null)
              post({ type: 'nodeStageFailed', node, site, release, error: forgedReceipt });
            throw error;
          }
          options.receipt(report.receipt);
          post({ type: 'nodeStaged', node, site, assignment: report.assignment, receipt: report.receipt });
          return;
        case 'stageFailed':
          post({ type: 'nodeStageFailed', node, site, release: report.release, error: report.error });
          return;
        case 'switched':
          requireGenuine(node, report.receipt, site, 'switched');
          options.receipt(report.receipt);
          post({ type: 'nodeSwitched', node, site, receipt: report.receipt });
          return;
        case 'stale':
          post({
            type: 'nodeStale',
            node,
            site,
            release: report.release,
            live: report.live,
            error: report.error,
          });
          return;
        case 'siteFacts':
          options.siteFacts(node, site, report.urlMap);
          return;
        case 'drift':
          options.drift.report(node, report);
          return;
        case 'mend':
          options.mend(node, report);
          return;
        case 'undone':
          post({ type: 'nodeUndone', node, site, release: report.release });
          return;
        case 'verified':
          try {
            requireGenuine(node, report.receipt, site, 'verified');
          } catch (error) {
            verifyRequests.answered(node, report, forgedReceipt);
            throw error;
          }
          verifyRequests.answered(node, report, null);
      }
    },

    disconnected(node, connection) {
      verifyRequests.disconnected(node);
      segments.disconnected(node);
      trees.disconnected(node);
      post({ type: 'nodeDisconnected', node, connection });
    },

    refused({ node, behind }, error) {
      if (node === null || behind?.wasOpen !== true || !forgeryCodes.has(error.code)) return;
      if (options.health.waitsFor !== undefined) return;
      const data = { leader: behind.leader, error: { code: error.code, message: error.message } };
      registry.events.append({ actor: node, kind: 'node.report.refused', node, data });
    },

    removed(node) {
      keys.delete(node);
      options.drift.removed(node);
      segments.removed(node);
      trees.removed(node);
    },
  };
}
