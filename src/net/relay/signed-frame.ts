// A node's word that its leader carries: how it is signed, and whether it is what it says. Which node's key, session and counter are right is
// the reader's to know.

import type { KeyObject } from 'node:crypto';
import { signObject, verifyObject } from '../../assignment/signed.ts';
import type { SignedFrame } from '../../model/leader-messages.ts';

export function signFrame(
  facts: Pick<SignedFrame, 'session' | 'node' | 'counter' | 'text'>,
  key: KeyObject,
): SignedFrame {
  return signObject({ version: 1, purpose: 'relayed', ...facts }, key);
}

/** Whether that node said it in that session, and nothing with this counter or a higher one before. */
export function isGenuineFrame(
  frame: SignedFrame,
  expected: {
    readonly session: string;
    readonly node: string;
    readonly above: number;
    readonly key: KeyObject;
  },
): boolean {
  return (
    frame.session === expected.session &&
    frame.node === expected.node &&
    frame.counter > expected.above &&
    verifyObject(frame, expected.key)
  );
}
