// Which CA and release keys this CCM had and has, and the statements by which each vouches for the next: `keys/history.json`. It holds no
// secret; replacing it is the moment at which a rotation happens (KEYS-9).

import { join } from 'node:path';
import { z } from 'zod';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import { type KeyKind, keyIdOf, statementsMax, statementsSchema } from '../../net/keys/key-statement.ts';
import { readIfThere } from '../../net/read-if-there.ts';

const entrySchema = z.strictObject({
  kind: z.enum(['ca', 'release']),
  id: z.string().regex(/^[0-9a-f]{64}$/),
  /** The certificate, or the public key. */
  pem: z.string().max(4_096),
  /** Milliseconds since 1970; for people. */
  since: z.int(),
  /** Replaced because somebody else may have it: believed by nobody any more. */
  compromised: z.boolean(),
});

const schema = z.strictObject({
  version: z.literal(1),
  /** In order; the last of a kind is the current one. */
  keys: z.array(entrySchema).max(2 * statementsMax),
  statements: statementsSchema,
});

export type KeyEntry = z.output<typeof entrySchema>;
export type KeyHistory = z.output<typeof schema>;

const pathOf = (directory: string): string => join(directory, 'history.json');

/** Undefined where no key was rotated yet. Throws STATE_CORRUPT. */
export async function readKeyHistory(directory: string): Promise<KeyHistory | undefined> {
  const text = await readIfThere(pathOf(directory));
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new TreecastError('STATE_CORRUPT', `${pathOf(directory)} cannot be read.`, {
      cause,
      fix: 'Restore the directory keys/ as a whole from a backup.',
    });
  }
}

export async function writeKeyHistory(directory: string, history: KeyHistory): Promise<void> {
  await writeFileAtomic(pathOf(directory), `${JSON.stringify(history, null, 2)}\n`, 0o600);
  failpoint('ccm.keys.history-written');
}

export function newEntry(kind: KeyKind, pem: string, since: number): KeyEntry {
  return { kind, id: keyIdOf(kind, pem), pem, since, compromised: false };
}

export function currentKey(history: KeyHistory, kind: KeyKind): KeyEntry {
  return history.keys.findLast((entry) => entry.kind === kind) as KeyEntry;
}

/** Of a kind, newest first, down to the last one that was compromised, which is not among them. */
export function goodKeys(history: KeyHistory, kind: KeyKind): KeyEntry[] {
  const ofKind = history.keys.filter((entry) => entry.kind === kind).reverse();
  const end = ofKind.findIndex((entry) => entry.compromised);
  return end === -1 ? ofKind : ofKind.slice(0, end);
}

/** The oldest go when there are too many: a node that missed as many rotations joins again. */
export function withNextKey(
  { keys, statements }: KeyHistory,
  next: KeyEntry,
  statement: KeyHistory['statements'][number] | undefined,
  compromised: boolean,
): KeyHistory {
  const former = keys.findLast((entry) => entry.kind === next.kind)?.id;
  const own = <T extends { readonly kind: KeyKind }>(list: readonly T[]): T[] =>
    list.filter((entry) => entry.kind === next.kind).slice(-(statementsMax - 1));
  const others = <T extends { readonly kind: KeyKind }>(list: readonly T[]): T[] =>
    list.filter((entry) => entry.kind !== next.kind);
  const marked = own(keys).map((entry) =>
    entry.id === former ? { ...entry, compromised: entry.compromised || compromised } : entry,
  );
  const kept = statement === undefined ? [] : [...own(statements), statement];
  return {
    version: 1,
    keys: [...others(keys), ...marked, next],
    statements: [...others(statements), ...kept],
  };
}
