// Whether a decision that a node shows is one of this CCM's own, by what the database knows and not by its signature: after a rotation for a
// compromised release key (KEYS-11) nodes go on showing what that key had signed.

import { isDeepStrictEqual } from 'node:util';
import type { SignedDecision } from '../../model/receipt.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { fromJsonColumn } from '../db/json-column.ts';

export type IsOwnDecision = (decision: SignedDecision) => boolean;

export function createIsOwnDecision(database: CcmDatabase): IsOwnDecision {
  return (decision) => {
    const { site, release } = decision;
    const row = database.first(
      database.queries
        .selectFrom('decisions')
        .select('signed')
        .where('site', '=', site)
        .where('epoch', '=', release.epoch)
        .where('sequence', '=', release.sequence),
    );
    if (row === undefined) return false;
    const own: SignedDecision = fromJsonColumn(row.signed);
    return isDeepStrictEqual({ ...own, signature: '' }, { ...decision, signature: '' });
  };
}
