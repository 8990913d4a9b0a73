// For tests: a registry over a database in memory, with a clock that the test moves.

import { after } from 'node:test';
import type { CcmDatabase } from '../../db/ccm-database.ts';
import { openDatabase } from '../../db/open-database.ts';
import type { NodeCertificate } from '../node-certificate-registry.ts';
import { createRegistry, type Registry } from '../registry.ts';

export interface TemporaryRegistry {
  readonly registry: Registry;
  readonly database: CcmDatabase;
  readonly clock: { now: number };
  /** Kinds of all events so far. */
  readonly kinds: () => string[];
}

export async function temporaryRegistry(): Promise<TemporaryRegistry> {
  const database = await openDatabase(':memory:');
  after(() => database.close());
  const clock = { now: Date.UTC(2026, 10, 23) };
  const registry = createRegistry(database, { now: () => clock.now });
  const kinds = (): string[] => registry.events.page({ after: 0, limit: 1_000 }).map((event) => event.kind);
  return { registry, database, clock, kinds };
}

/** A certificate's particulars, different for every name; good for a year from where the clock starts. */
export function certificateOf(name: string): { certificate: NodeCertificate } {
  const issuedAt = Date.UTC(2026, 10, 23);
  return {
    certificate: {
      fingerprint: Buffer.from(name).toString('hex').padEnd(64, '0'),
      serial: Buffer.from(name).toString('hex'),
      authority: null,
      issuedAt,
      expiresAt: issuedAt + 365 * 86_400_000,
    },
  };
}
