// Hand-outs as they are signed and believed (TREE-90): by the CCM's release key, for one leader, until a moment of CCM time. Who brought it does not matter.

import type { KeyObject } from 'node:crypto';
import { signObject, verifyObject } from '../../assignment/signed.ts';
import type { HandOut, SignedHandOut } from '../../model/tree-messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { parseMessage } from '../link/parse-message.ts';
import { signedHandOutSchema } from '../relay/tree-schemas.ts';

/** More than any hand-out is as JSON; a request that brings one is cut off beyond. */
export const handOutBytesMax = 8_192;

export function signHandOut(handOut: HandOut, releaseKey: KeyObject): SignedHandOut {
  return signObject(handOut, releaseKey);
}

/** Throws MESSAGE_INVALID for what is no hand-out, TICKET_INVALID unless one of the keys signed it for this node and `now` (CCM time) is before its end. */
export function verifyHandOut(
  value: unknown,
  expected: { readonly keys: readonly KeyObject[]; readonly node: string; readonly now: number },
): HandOut {
  const { signature, ...handOut } = parseMessage(value, signedHandOutSchema);
  if (!verifyObject({ ...handOut, signature }, expected.keys)) throw refused('its signature is not valid');
  if (handOut.node !== expected.node) throw refused('it is for another node');
  if (handOut.expiresAt <= expected.now) throw refused('it has expired');
  return handOut;
}

function refused(why: string): TreecastError {
  return new TreecastError('TICKET_INVALID', `The hand-out was refused: ${why}.`, {
    fix: 'The leader asks the CCM for another one; nothing needs to be done.',
  });
}
