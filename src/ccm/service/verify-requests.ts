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
  disconnected(node: string): void;
}

interface Open {
  readonly site: string;
  readonly tree: ObjectId | null;
  readonly waiting: Map<string, (result: NodeResult) => void>;
}

export function createVerifyRequests(
  send: (node: string, request: string, site: string) => void,
): VerifyRequests {
  const open = new Map<string, Open>();

  function failed(name: string, error: WireError): NodeResult {
    return { name, tree: null, ok: false, drift: [], error };
  }

  return {
    async verify({ id, site, commit, tree, members }) {
      const request: Open = { site, tree, waiting: new Map() };
      open.set(id, request);
      const results = members.map(({ name, connected }) => {
        if (!connected)
          return Promise.resolve(
            failed(name, {
              code: 'NODE_LOST',
              message: 'not connected',
              fix: `look at the agent on ${name}`,
            }),
          );
        return new Promise<NodeResult>((resolve) => {
          request.waiting.set(name, resolve);
          send(name, id, site);
        });
      });
      const nodes = await Promise.all(results);
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
      for (const request of open.values()) {
        request.waiting.get(node)?.(
          failed(node, {
            code: 'NODE_LOST',
            message: 'disconnected while verifying',
            fix: `look at the agent on ${node}`,
          }),
        );
        request.waiting.delete(node);
      }
    },
  };
}
