// From what agents say to events of the core: signatures are verified here, so that the core may believe what it is told.

import type { KeyObject } from 'node:crypto';
import { verifyObject } from '../../assignment/signed.ts';
import type { Hello, SiteHolding } from '../../model/messages.ts';
import type { SignedReceipt } from '../../model/receipt.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { CoreEvent } from '../core/events.ts';
import type { AgentReport } from '../gateway/agent-connection.ts';
import type { AgentHandlers } from '../gateway/agent-gateway.ts';
import type { Registry } from '../registry/registry.ts';
import type { VerifyRequests } from '../service/verify-requests.ts';

export interface AgentEventsOptions {
  readonly registry: Registry;
  readonly post: (event: CoreEvent) => void;
  /** Labels changed, and with them perhaps memberships. */
  readonly configure: () => void;
  readonly releaseKeys: readonly KeyObject[];
  readonly verifyRequests: VerifyRequests;
  /** How a web server on a node maps a site; it may be no URL map at all. */
  readonly siteFacts: (node: string, site: string, urlMap: unknown) => void;
  /** A receipt of a switch or of a staging, verified. */
  readonly receipt: (receipt: SignedReceipt) => void;
  readonly onForged: (node: string, what: string) => void;
  /** Commands of an assignment, for the share that is done; 0 when unknown. */
  readonly assignmentBytes: (assignment: string) => number;
}

export function createAgentEvents(options: AgentEventsOptions): AgentHandlers {
  const { registry, post, releaseKeys, verifyRequests, onForged } = options;
  const keys = new Map<string, KeyObject>();

  function isGenuine(node: string, receipt: SignedReceipt, site: string): boolean {
    const key = keys.get(node);
    const genuine =
      key !== undefined && receipt.node === node && receipt.site === site && verifyObject(receipt, key);
    if (!genuine) onForged(node, `receipt of phase ${receipt.phase}`);
    return genuine;
  }

  /** A decision that this CCM did not sign proves nothing about its own past. */
  function trusted(node: string, holding: SiteHolding): SiteHolding {
    if (holding.lastDecision === null || verifyObject(holding.lastDecision, releaseKeys)) return holding;
    onForged(node, 'last decision');
    return { ...holding, lastDecision: null, executed: false };
  }

  return {
    connected(node, hello: Hello, { id, publicKey }) {
      keys.set(node, publicKey);
      const { url, agentVersion, freeBytes, labels } = hello;
      if (registry.nodes.seen(node, { url, agentVersion, freeBytes, labels })) options.configure();
      post({
        type: 'nodeConnected',
        node,
        connection: id,
        sites: hello.sites.map((holding) => trusted(node, holding)),
      });
    },

    message(node, report: AgentReport) {
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
          });
          return;
        }
        case 'staged':
          if (isGenuine(node, report.receipt, site) && report.receipt.phase === 'staged') {
            options.receipt(report.receipt);
            post({ type: 'nodeStaged', node, site, assignment: report.assignment, receipt: report.receipt });
          }
          return;
        case 'stageFailed':
          post({ type: 'nodeStageFailed', node, site, release: report.release, error: report.error });
          return;
        case 'switched':
          if (isGenuine(node, report.receipt, site) && report.receipt.phase === 'switched') {
            options.receipt(report.receipt);
            post({ type: 'nodeSwitched', node, site, receipt: report.receipt });
          }
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
        case 'undone':
          post({ type: 'nodeUndone', node, site, release: report.release });
          return;
        case 'verified': {
          const forged: WireError = {
            code: 'CERTIFICATE_INVALID',
            message: 'the receipt’s signature is not this node’s',
            fix: 'join the node again',
          };
          verifyRequests.answered(node, report, isGenuine(node, report.receipt, site) ? null : forged);
          return;
        }
      }
    },

    disconnected(node, connection) {
      verifyRequests.disconnected(node);
      post({ type: 'nodeDisconnected', node, connection });
    },
  };
}
