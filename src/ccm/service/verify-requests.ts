// Verify runs beside jobs: every connected member re-reads every byte, and each answer is compared with the live tree.

import type { VerifyResult } from '../../model/api.ts';
import type { AgentMessage } from '../../model/messages.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { WireError } from '../../model/treecast-error.ts';

type Verified = Extract<AgentMessage, { type: 'verified' }>;
type NodeResult = VerifyResult['nodes'][number];

export interface VerifyRequests {
  verify(request: {
    readonly id: string;
    readonly site: string;
    readonly commit: ObjectId | null;
    readonly tree: ObjectId | null;
    readonly members: readonly { readonly name: string; readonly connected: boolean }[];
  }): Promise<VerifyResult>;
  /** `receiptError` when the receipt's signature is not the node's. */
  answered(node: string, message: Verified, receiptError: WireError | null): void;
  /** It is asked again when it is back in time: a node that goes behind a leader, or to another one, says hello anew. */
  disconnected(node: string): void;
  /** Its welcome was sent. */
  welcomed(node: string): void;
}

/** A terabyte at 300 MB/s; a node that hangs does not hold a verify for ever. */
const verifyTimeoutMs = 60 * 60_000;
/** As a job waits for who takes part in it (JOB-8). */
const returnTimeoutMs = 10_000;

interface Open {
  readonly site: string;
  readonly tree: ObjectId | null;
  readonly waiting: Map<string, (result: NodeResult) => void>;
}

export function createVerifyRequests(
  send: (node: string, request: string, site: string) => void,
  timeoutMs = verifyTimeoutMs,
  returnMs = returnTimeoutMs,
): VerifyRequests {
  const open = new Map<string, Open>();
  /** By node that is awaited and away. */
  const away = new Map<string, NodeJS.Timeout>();

  function lost(name: string, message: string): NodeResult {
    const error: WireError = { code: 'NODE_LOST', message, fix: `look at the agent on ${name}` };
    return { name, tree: null, ok: false, drift: [], error };
  }

  function giveUp(request: Open, name: string, message: string): void {
    request.waiting.get(name)?.(lost(name, message));
    request.waiting.delete(name);
  }

  return {
    async verify({ id, site, commit, tree, members }) {
      const request: Open = { site, tree, waiting: new Map() };
      open.set(id, request);
      const timer = setTimeout(() => {
        for (const name of [...request.waiting.keys()]) {
          giveUp(request, name, `did not answer in ${timeoutMs / 60_000} minutes`);
        }
      }, timeoutMs);
      const results = members.map(({ name, connected }) => {
        if (!connected) return Promise.resolve(lost(name, 'not connected'));
        return new Promise<NodeResult>((resolve) => {
          request.waiting.set(name, resolve);
          send(name, id, site);
        });
      });
      const nodes = await Promise.all(results);
      clearTimeout(timer);
      open.delete(id);
      return { site, commit, tree, nodes };
    },

    answered(node, message, receiptError) {
      const request = open.get(message.request);
      const resolve = request?.waiting.get(node);
      if (request === undefined || resolve === undefined || message.site !== request.site) return;
      request.waiting.delete(node);
      const error = message.error ?? receiptError;
      const found = message.receipt.tree;
      const { phase, scope } = message.receipt;
      const ok =
        error === null &&
        phase === 'verified' &&
        scope === 'full' &&
        found === request.tree &&
        message.drift.length === 0;
      resolve({ name: node, tree: found, ok, drift: message.drift, error });
    },

    disconnected(node) {
      if (away.has(node) || ![...open.values()].some(({ waiting }) => waiting.has(node))) return;
      const timer = setTimeout(() => {
        away.delete(node);
        for (const request of open.values()) giveUp(request, node, 'disconnected while verifying');
      }, returnMs);
      away.set(node, timer.unref());
    },

    welcomed(node) {
      clearTimeout(away.get(node));
      away.delete(node);
      for (const [id, { site, waiting }] of open) if (waiting.has(node)) send(node, id, site);
    },
  };
}
