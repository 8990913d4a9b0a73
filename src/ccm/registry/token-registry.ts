// Tokens of authors and operators: made, listed, revoked, recognised. Only their hash is kept. What they may do is permission.ts's.

import { timingSafeEqual } from 'node:crypto';
import { failpoint } from '../../faults/failpoint.ts';
import type { Role, TokenResource } from '../../model/api.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { fromJsonColumn, toJsonColumn } from '../db/json-column.ts';
import type { TokenTable } from '../db/schema.ts';
import type { EventLog } from './event-log.ts';
import type { Principal } from './permission.ts';
import { createId, createSecret, hashSecret } from './secret.ts';

export interface TokenInput {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly sites?: readonly string[] | null;
  /** Milliseconds since 1970. */
  readonly expiresAt?: number | null;
}

export interface TokenRegistry {
  list(): TokenResource[];
  /** `secret` is the token's text (`tc_…`), shown this once. Throws ALREADY_EXISTS, INVALID_INPUT, NOT_FOUND (a site). */
  create(input: TokenInput, actor: string): { readonly secret: string; readonly token: TokenResource };
  /** Idempotent. Throws NOT_FOUND. */
  revoke(id: string, actor: string): TokenResource;
  /** Whose token this is; undefined when it is unknown, revoked or expired. Does not touch the disk. */
  authenticate(secret: string): Principal | undefined;
  /** A token by its id; undefined when it is unknown, revoked or expired by now. Does not touch the disk. */
  find(id: string): Principal | undefined;
}

interface KnownToken {
  readonly hash: string;
  readonly principal: Principal;
}

const tokenPattern = /^tc_[A-Za-z0-9_-]{43}$/;

export function createTokenRegistry(
  database: CcmDatabase,
  events: EventLog,
  now: () => number,
): TokenRegistry {
  const { queries } = database;
  /** Tokens that are not revoked, by a part of their hash (the rest is compared in constant time); dropped at every change. */
  let known: Map<string, KnownToken> | undefined;
  /** `treecast ccm token` writes beside a CCM that runs. */
  let knownAt = 0;

  function load(): Map<string, KnownToken> {
    const rows = database.all(queries.selectFrom('tokens').selectAll().where('revoked_at', 'is', null));
    const tokens = new Map(
      rows.map((row) => [bucketOf(row.hash), { hash: row.hash, principal: toPrincipal(row) }]),
    );
    if (!database.inTransaction) known = tokens;
    return tokens;
  }

  function current(): Map<string, KnownToken> {
    const changes = database.foreignChanges();
    if (changes !== knownAt) known = undefined;
    knownAt = changes;
    return known ?? load();
  }

  function changed(): void {
    known = undefined;
    database.afterCommit(() => {
      known = undefined;
    });
  }

  return {
    list() {
      return database
        .all(queries.selectFrom('tokens').selectAll().orderBy('created_at').orderBy('name'))
        .map(toResource);
    },

    create(input, actor) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.token.created'));
        const taken = database.first(
          queries
            .selectFrom('tokens')
            .select('id')
            .where('name', '=', input.name)
            .where('revoked_at', 'is', null),
        );
        if (taken) {
          throw new TreecastError('ALREADY_EXISTS', `There is a token named ${input.name} already.`, {
            fix: 'Choose another name, or revoke that token first.',
          });
        }
        const sites = input.sites ?? null;
        for (const site of sites ?? []) requireSite(site);
        if (input.roles.length === 0) {
          throw new TreecastError('INVALID_INPUT', 'A token without a role can do nothing.', {
            fix: 'Give at least one of viewer, author, operator, admin.',
          });
        }
        const secret = createSecret('tc_');
        const row: TokenTable = {
          id: createId('t-'),
          name: input.name,
          hash: hashSecret(secret),
          roles: toJsonColumn(input.roles),
          sites: sites && toJsonColumn(sites),
          created_at: now(),
          expires_at: input.expiresAt ?? null,
          revoked_at: null,
        };
        database.run(queries.insertInto('tokens').values(row));
        events.append({
          actor,
          kind: 'token.created',
          data: { token: row.id, name: input.name, roles: input.roles, sites },
        });
        changed();
        return { secret, token: toResource(row) };
      });
    },

    revoke(id, actor) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.token.revoked'));
        const row = database.first(queries.selectFrom('tokens').selectAll().where('id', '=', id));
        if (!row) {
          throw new TreecastError('NOT_FOUND', `There is no token with the id ${JSON.stringify(id)}.`, {
            fix: 'List the tokens: treecast token list.',
          });
        }
        if (row.revoked_at !== null) return toResource(row);
        const revoked = { ...row, revoked_at: now() };
        database.run(
          queries.updateTable('tokens').set({ revoked_at: revoked.revoked_at }).where('id', '=', id),
        );
        events.append({ actor, kind: 'token.revoked', data: { token: id, name: row.name } });
        changed();
        return toResource(revoked);
      });
    },

    authenticate(secret) {
      if (!tokenPattern.test(secret)) return undefined;
      const hash = hashSecret(secret);
      const token = current().get(bucketOf(hash));
      if (!token || !timingSafeEqual(Buffer.from(token.hash), Buffer.from(hash))) return undefined;
      return unlessExpired(token.principal);
    },

    find(id) {
      for (const { principal } of current().values()) {
        if (principal.tokenId === id) return unlessExpired(principal);
      }
      return undefined;
    },
  };

  function unlessExpired(principal: Principal): Principal | undefined {
    return principal.expiresAt === null || principal.expiresAt > now() ? principal : undefined;
  }

  function requireSite(site: string): void {
    if (database.first(queries.selectFrom('sites').select('name').where('name', '=', site))) return;
    throw new TreecastError('NOT_FOUND', `There is no site ${JSON.stringify(site)}.`, {
      fix: 'List the sites (treecast site list), or leave the sites out to allow all.',
    });
  }
}

function bucketOf(hash: string): string {
  return hash.slice(0, 16);
}

function toPrincipal(row: TokenTable): Principal {
  return {
    tokenId: row.id,
    name: row.name,
    roles: fromJsonColumn(row.roles),
    sites: row.sites === null ? null : fromJsonColumn(row.sites),
    expiresAt: row.expires_at,
  };
}

function toResource(row: TokenTable): TokenResource {
  return {
    id: row.id,
    name: row.name,
    roles: fromJsonColumn(row.roles),
    sites: row.sites === null ? null : fromJsonColumn(row.sites),
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: isoOrNull(row.expires_at),
    revokedAt: isoOrNull(row.revoked_at),
  };
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
