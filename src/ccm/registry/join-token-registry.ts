// One-time secrets with which agents join. A join token's text (made in src/net) carries such a secret; only its hash is kept.

import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import type { EventLog } from './event-log.ts';
import { createId, createSecret, hashSecret } from './secret.ts';

export const joinTokenLifeMs = 60 * 60_000;
export const joinTokenLifeMsMax = 24 * 60 * 60_000;
/** Used and expired ones are forgotten after this time; until then a second use is told apart from a wrong token. */
const rememberedMs = 7 * 24 * 60 * 60_000;

export interface JoinTokenRegistry {
  /** `segment`: the id of the one that who joins with it belongs to. */
  create(
    actor: string,
    lifeMs?: number,
    segment?: string | null,
  ): { readonly id: string; readonly secret: string; readonly expiresAt: number };
  /** Would {@link redeem} accept it now? Throws JOIN_TOKEN_INVALID; for refusing before costly work. */
  check(secret: string): void;
  /** Uses it up for this node and key; at most one call ever succeeds. Returns the segment that it names. Throws JOIN_TOKEN_INVALID. */
  redeem(secret: string, node: string, keyHash?: string): string | null;
  /** Whether it was used up by this very node (and key), and has not expired: its answer may have been lost. */
  wasRedeemedBy(secret: string, node: string, keyHash?: string): boolean;
}

export function createJoinTokenRegistry(
  database: CcmDatabase,
  events: EventLog,
  now: () => number,
): JoinTokenRegistry {
  const { queries } = database;

  function check(secret: string): string | null {
    const row = database.first(
      queries
        .selectFrom('join_tokens')
        .select(['expires_at', 'used_at', 'segment'])
        .where('hash', '=', hashSecret(secret)),
    );
    if (!row) throw refusal('This join token is unknown.');
    if (row.used_at !== null) throw refusal('This join token was used already; it is good for one agent.');
    if (row.expires_at <= now()) throw refusal('This join token has expired.');
    return row.segment;
  }

  return {
    create(actor, lifeMs = joinTokenLifeMs, segment = null) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.join-token.created'));
        const createdAt = now();
        const id = createId('j-');
        const secret = createSecret('');
        const expiresAt = createdAt + Math.min(lifeMs, joinTokenLifeMsMax);
        database.run(queries.deleteFrom('join_tokens').where('expires_at', '<', createdAt - rememberedMs));
        database.run(
          queries.insertInto('join_tokens').values({
            id,
            hash: hashSecret(secret),
            created_at: createdAt,
            expires_at: expiresAt,
            used_at: null,
            used_by: null,
            used_key: null,
            segment,
          }),
        );
        events.append({ actor, kind: 'joinToken.created', data: { joinToken: id } });
        return { id, secret, expiresAt };
      });
    },

    check,

    wasRedeemedBy(secret, node, keyHash) {
      const row = database.first(
        queries
          .selectFrom('join_tokens')
          .select(['hash', 'expires_at', 'used_at', 'used_key'])
          .where('hash', '=', hashSecret(secret))
          .where('used_by', '=', node),
      );
      if (!row?.used_at || row.used_key === null || row.expires_at <= now()) return false;
      if (keyHash !== undefined && keyHash !== row.used_key) return false;
      // The name may have been removed and joined anew, by another machine.
      const later = queries
        .selectFrom('join_tokens')
        .select('id')
        .where('used_by', '=', node)
        .where('used_at', '>=', row.used_at)
        .where('hash', '!=', row.hash);
      return database.first(later) === undefined;
    },

    redeem(secret, node, keyHash) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.join-token.redeemed'));
        const segment = check(secret);
        database.run(
          queries
            .updateTable('join_tokens')
            .set({ used_at: now(), used_by: node, used_key: keyHash ?? null })
            .where('hash', '=', hashSecret(secret)),
        );
        return segment;
      });
    },
  };
}

function refusal(message: string): TreecastError {
  return new TreecastError('JOIN_TOKEN_INVALID', message, {
    fix: 'Make a new one (treecast node join-token) and give it to this agent only.',
  });
}
