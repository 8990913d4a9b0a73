// The CCM's database as its modules see it. Kysely writes the queries; they run synchronously, because the CCM has one writer
// and a transaction must never be open across an await.

import type { CompiledQuery, Kysely } from 'kysely';
import type { Schema } from './schema.ts';
import type { WriteResult } from './sqlite-adapter.ts';

/** Any Kysely query builder. */
export interface Query<Row = unknown> {
  compile(): CompiledQuery<Row>;
}

export interface TransactionOptions {
  /** True: on disk (synchronous=FULL) when the call returns. False: survives a crash of the process, perhaps not a power cut. */
  readonly durable?: boolean;
}

export interface CcmDatabase {
  /** For building queries; run them with the methods below. Its own `execute()` is for migrations and single reads, never for writing. */
  readonly queries: Kysely<Schema>;
  all<Row>(query: Query<Row>): Row[];
  first<Row>(query: Query<Row>): Row | undefined;
  run(query: Query): WriteResult;
  /**
   * BEGIN IMMEDIATE … COMMIT around synchronous work; a throw rolls everything back. Inside another transaction it joins that one,
   * which must be durable too when this one is. Work that returns a promise is a bug and is rolled back.
   */
  transaction<T>(work: () => T, options?: TransactionOptions): T;
  /** All queries in one transaction. */
  writeBatch(queries: Iterable<Query>, options?: TransactionOptions): void;
  /** A transaction is open: what is read now may be rolled back. */
  readonly inTransaction: boolean;
  /** Runs after the surrounding transaction committed (never when it rolled back), or at once outside of one. */
  afterCommit(callback: () => void): void;
  /** Copies what the write-ahead log holds into the database file; call it when nothing is urgent. */
  checkpoint(): void;
  /** Another number whenever another process has changed the database. */
  foreignChanges(): number;
  /** The last run's number, though it may be in the log only. */
  marked(): number;
  /** Writes this run's number into the file's header; false when it is in the log only, because another process reads (run-mark.ts). */
  mark(number: number): boolean;
  close(): void;
}
