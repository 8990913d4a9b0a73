// KEYS-11: a decision that a key signed which nodes believe no more goes out with the present key's signature. It is the same decision.

import { signObject, verifyObject } from '../../assignment/signed.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import type { CcmKeys } from './ccm-keys.ts';

export type SignedAnew = (decision: SignedDecision) => SignedDecision;

export function createSignedAnew(
  keys: Pick<CcmKeys, 'releaseKey' | 'releaseKeyId' | 'believedReleaseKeys'>,
): SignedAnew {
  const known = new WeakMap<SignedDecision, { readonly key: string; readonly signed: SignedDecision }>();
  return (decision) => {
    const key = keys.releaseKeyId();
    const last = known.get(decision);
    if (last?.key === key) return last.signed;
    const signed = verifyObject(decision, keys.believedReleaseKeys())
      ? decision
      : signObject(decision, keys.releaseKey());
    known.set(decision, { key, signed });
    return signed;
  };
}
