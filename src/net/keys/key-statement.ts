// KEYS-9: a key vouches for the one that comes after it. Statements are public; whoever believes one key reaches all later ones
// of its kind, over any number of rotations.

import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { signObject, verifyObject } from '../../assignment/signed.ts';
import { signatureSchema, timeSchema } from '../link/field-schemas.ts';

export type KeyKind = 'ca' | 'release';

export interface KeyStatement {
  readonly version: 1;
  readonly kind: KeyKind;
  /** Id of the key that signs this. */
  readonly previous: string;
  /** PEM: a certificate (ca) or a public key (release). */
  readonly next: string;
  /** Milliseconds since 1970, the CCM's clock; for people. */
  readonly at: number;
  readonly signature: string;
}

/** A node that missed more rotations than this joins again. */
export const statementsMax = 100;

const statementSchema: z.ZodType<KeyStatement> = z.strictObject({
  version: z.literal(1),
  kind: z.enum(['ca', 'release']),
  previous: z.string().regex(/^[0-9a-f]{64}$/),
  next: z.string().min(1).max(4_096),
  at: timeSchema,
  signature: signatureSchema,
});

export const statementsSchema = z.array(statementSchema).max(2 * statementsMax);

/** What `GET /keys` answers. */
export const keysAnswerSchema = z.strictObject({ version: z.literal(1), statements: statementsSchema });

/** SHA-256, hex: of the certificate's DER (as join tokens carry), or of the public key's. Throws when the PEM is neither. */
export function keyIdOf(kind: KeyKind, pem: string): string {
  const der =
    kind === 'ca'
      ? new X509Certificate(pem).raw
      : createPublicKey(pem).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex');
}

export function stateNextKey(
  facts: Pick<KeyStatement, 'kind' | 'previous' | 'next' | 'at'>,
  previousKey: KeyObject,
): KeyStatement {
  return signObject({ version: 1 as const, ...facts }, previousKey);
}

/**
 * The keys (PEM) that the believed ones vouch for, in one step or more, newest first and without the believed ones themselves. A statement that does
 * not hold is passed over.
 */
export function followStatements(
  kind: KeyKind,
  believed: readonly string[],
  statements: readonly KeyStatement[],
): string[] {
  const reached = new Map<string, string>();
  const frontier = believed.map((pem) => pem);
  for (let pem = frontier.shift(); pem !== undefined; pem = frontier.shift()) {
    const id = keyIdOf(kind, pem);
    if (reached.has(id)) continue;
    reached.set(id, pem);
    const key = publicKeyOf(kind, pem);
    const next = statements.filter(
      (statement) => statement.kind === kind && statement.previous === id && verifyObject(statement, key),
    );
    frontier.push(...next.map((statement) => statement.next).filter((candidate) => isKey(kind, candidate)));
  }
  const ids = new Set(believed.map((pem) => keyIdOf(kind, pem)));
  return [...reached].flatMap(([id, pem]) => (ids.has(id) ? [] : [pem])).reverse();
}

function publicKeyOf(kind: KeyKind, pem: string): KeyObject {
  return kind === 'ca' ? new X509Certificate(pem).publicKey : createPublicKey(pem);
}

function isKey(kind: KeyKind, pem: string): boolean {
  try {
    return publicKeyOf(kind, pem).asymmetricKeyType === 'ed25519';
  } catch {
    return false;
  }
}
