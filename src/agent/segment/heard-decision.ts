// A decision as a leader says it by multicast (LEAD-61): anything else is dropped.

import type { SignedDecision } from '../../model/receipt.ts';
import { signedDecisionSchema } from '../../net/link/field-schemas.ts';

export function parseDecision(text: Uint8Array): SignedDecision | undefined {
  try {
    return signedDecisionSchema.safeParse(JSON.parse(Buffer.from(text).toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
