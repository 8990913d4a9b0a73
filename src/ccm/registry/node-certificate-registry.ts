// The certificates of nodes: which were given out, which of them count, and what ended the others (KEYS-2, KEYS-5 to KEYS-8).
// A certificate is known by its fingerprint, so that nothing of a removed node counts again when its name joins anew.

import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import type { EventLog } from './event-log.ts';

export interface NodeCertificate {
  /** Lower-case hex. */
  readonly serial: string;
  /** SHA-256 of the DER, 64 lower-case hex digits. */
  readonly fingerprint: string;
  /** Fingerprint of the authority that signed it; null when that is not known. */
  readonly authority: string | null;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/**
 * `expired` ones may renew, `dead` ones not any more; `replaced`: a newer one was used; `unknown`: never given to this node.
 */
export type CertificateStanding = 'good' | 'expired' | 'dead' | 'replaced' | 'removed' | 'unknown';

export interface NodeCertificateRegistry {
  /** Recorded before it is handed out. */
  issued(node: string, certificate: NodeCertificate): void;
  /** As {@link issued}, for a node that showed `by`, which counts until the new one is first used; others after it end. Throws NODE_REMOVED. */
  renewed(node: string, by: NodeCertificate, certificate: NodeCertificate): void;
  /** What this certificate, which the CCM's authority signed for this node, is worth now; a good one ends those before it. */
  use(node: string, certificate: NodeCertificate): CertificateStanding;
  /** All of a node's certificates end. */
  revoke(node: string): void;
  /** The newest one that counts. */
  current(node: string): NodeCertificate | undefined;
  /** Those of removed nodes, expired or not, the newest; `number` is higher for a later list. */
  revoked(max: number): { readonly number: number; readonly fingerprints: readonly string[] };
}

/** KEYS-5: for this long after its end a node's last certificate may still renew. */
export const renewalGraceMs = 90 * 86_400_000;
/** Renewed ones are remembered for this long, so that who shows one is told what became of it; those of removed nodes for good. */
const rememberedMs = 400 * 86_400_000;

export function createNodeCertificateRegistry(
  database: CcmDatabase,
  events: EventLog,
  now: () => number,
): NodeCertificateRegistry {
  const { queries } = database;
  const ofNode = (node: string) =>
    queries
      .selectFrom('node_certificates')
      .selectAll()
      .where('node', '=', node)
      .where('ended_at', 'is', null)
      .orderBy('id', 'desc');

  function issued(
    node: string,
    { serial, fingerprint, authority, issuedAt, expiresAt }: NodeCertificate,
  ): void {
    database.run(
      queries.insertInto('node_certificates').values({
        fingerprint,
        serial,
        node,
        authority,
        issued_at: issuedAt,
        expires_at: expiresAt,
        ended_at: null,
        ended_by: null,
      }),
    );
  }

  function endRenewed(node: string, fingerprints: readonly string[]): void {
    database.run(
      queries
        .updateTable('node_certificates')
        .set({ ended_at: now(), ended_by: 'renewed' })
        .where('node', '=', node)
        .where('fingerprint', 'in', fingerprints),
    );
  }

  /**
   * KEYS-8: every certificate is recorded before it is handed out, so one that the authority signed and that is not in the table is later
   * than this database (a backup that was copied back). It counts when its node does.
   */
  function adopt(node: string, certificate: NodeCertificate): CertificateStanding {
    const newest = database.first(ofNode(node));
    if (newest === undefined || newest.issued_at > certificate.issuedAt) return 'unknown';
    database.transaction(() => {
      database.afterCommit(() => failpoint('ccm.certificate.adopted'));
      issued(node, certificate);
      events.append({
        actor: node,
        kind: 'node.certificateAdopted',
        node,
        data: { certificateFingerprint: certificate.fingerprint },
      });
    });
    return use(node, certificate);
  }

  function use(node: string, certificate: NodeCertificate): CertificateStanding {
    const { fingerprint } = certificate;
    const row = database.first(
      queries.selectFrom('node_certificates').selectAll().where('fingerprint', '=', fingerprint),
    );
    if (row === undefined) return adopt(node, certificate);
    if (row.node !== node) return 'unknown';
    if (row.ended_by !== null) return row.ended_by === 'removed' ? 'removed' : 'replaced';
    if (row.expires_at + renewalGraceMs <= now()) return 'dead';
    if (row.expires_at <= now()) return 'expired';
    const counting = database.all(ofNode(node));
    const older = counting.slice(counting.findIndex((other) => other.fingerprint === fingerprint) + 1);
    if (older.length > 0) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.certificate.replaced'));
        endRenewed(
          node,
          older.map((other) => other.fingerprint),
        );
        const data = {
          certificateFingerprint: fingerprint,
          expiresAt: new Date(row.expires_at).toISOString(),
        };
        events.append({ actor: node, kind: 'node.certificateRenewed', node, data });
        database.run(
          queries
            .deleteFrom('node_certificates')
            .where('ended_by', '=', 'renewed')
            .where('expires_at', '<', now() - rememberedMs),
        );
      });
    }
    return 'good';
  }

  return {
    issued,
    renewed(node, by, certificate) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.certificate.issued'));
        const counting = database.all(ofNode(node)).map((row) => row.fingerprint);
        const place = counting.indexOf(by.fingerprint);
        if (place < 0) throw endedMeanwhile(node);
        const unused = counting.slice(0, place);
        if (unused.length > 0) endRenewed(node, unused);
        issued(node, certificate);
      });
    },
    use,
    revoke(node) {
      // Those that were renewed are of the same key: the control channel would believe them still.
      database.run(
        queries
          .updateTable('node_certificates')
          .set({ ended_at: now(), ended_by: 'removed' })
          .where('node', '=', node)
          .where((row) => row.or([row('ended_by', 'is', null), row('ended_by', '=', 'renewed')])),
      );
    },
    revoked(max) {
      const rows = database.all(
        queries
          .selectFrom('node_certificates')
          .select(['fingerprint', 'ended_at'])
          .where('ended_by', '=', 'removed')
          .orderBy('ended_at', 'desc')
          .orderBy('id', 'desc')
          .limit(max),
      );
      return {
        number: rows[0]?.ended_at ?? 0,
        fingerprints: rows.map(({ fingerprint }) => fingerprint).sort(),
      };
    },
    current(node) {
      const row = database.first(ofNode(node));
      return (
        row && {
          serial: row.serial,
          fingerprint: row.fingerprint,
          authority: row.authority,
          issuedAt: row.issued_at,
          expiresAt: row.expires_at,
        }
      );
    },
  };
}

/** Signing takes a while, in which the node may be removed, or its newer certificate used. */
function endedMeanwhile(node: string): TreecastError {
  return new TreecastError('NODE_REMOVED', `The certificate of node ${node} ended while it was renewed.`, {
    fix: 'Join it again with a new token, if it was removed; else its newer certificate is in use already.',
  });
}
