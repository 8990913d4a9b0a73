// Runs once, before the first message, what the first message would otherwise pay for: schema compilation, crypto set-up.

import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import { signObject, verifyObject } from '../../assignment/signed.ts';
import { ccmMessageSchema } from '../../net/link/ccm-message-schema.ts';

const id = '0'.repeat(64);
const release = { epoch: 1, sequence: 1 };

export function warmUp(key: KeyObject): void {
  const unsigned = {
    version: 1 as const,
    site: 'warm-up',
    release,
    kind: 'commit' as const,
    fromTree: null,
    toTree: id,
    decidedAt: 0,
  };
  const decision = signObject(unsigned, key);
  verifyObject(decision, createPublicKey(key));
  ccmMessageSchema.safeParse({ type: 'decision', decision });
  ccmMessageSchema.safeParse({
    type: 'assignment',
    site: 'warm-up',
    id,
    release,
    source: { kind: 'inline', manifest: '', data: '' },
  });
}
