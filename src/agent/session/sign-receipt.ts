// A node's signed word on what it holds or serves.

import type { KeyObject } from 'node:crypto';
import { signObject } from '../../assignment/signed.ts';
import type { HookTiming, Receipt, SignedReceipt } from '../../model/receipt.ts';
import type { TreeProof } from '../store/site-store.ts';

export type SignReceipt = (
  site: string,
  phase: Receipt['phase'],
  proof: TreeProof,
  hooks?: readonly HookTiming[],
) => SignedReceipt;

export function createReceiptSigner(node: string, key: () => KeyObject, now: () => number): SignReceipt {
  return (site, phase, { scope, release, tree }, hooks = []) => {
    const receipt: Receipt = {
      version: 1,
      node,
      site,
      phase,
      scope,
      release,
      tree,
      at: now(),
      ...(hooks.length === 0 ? {} : { hooks }),
    };
    return signObject(receipt, key());
  };
}
