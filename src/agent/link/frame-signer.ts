// Signs what a node behind a leader says (LEAD-3): by its current key, each word with a higher counter than the one before, also over its restarts.

import type { KeyObject } from 'node:crypto';
import type { Opening, SignedFrame } from '../../model/leader-messages.ts';
import type { AgentReport } from '../../net/link/link-client.ts';
import { signFrame } from '../../net/relay/signed-frame.ts';

export type SignWord = (session: string, word: Opening | AgentReport) => SignedFrame;

/** No process says so many words a millisecond, so that its next life begins above them all. */
const countersPerMs = 1_024;

/** `startedAt`: milliseconds since 1970. A clock that was set back meanwhile costs the node its place behind this leader until the session ends. */
export function createFrameSigner(node: string, key: () => KeyObject, startedAt: number): SignWord {
  let counter = Math.floor(startedAt) * countersPerMs;
  return (session, word) => {
    counter += 1;
    return signFrame({ session, node, counter, text: JSON.stringify(word) }, key());
  };
}
