// A token that `up` keeps in a file of its state directory (mode 0600), so that every start prints the same.

import { readFile } from 'node:fs/promises';
import type { Role } from '../../model/api.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import type { RunningCcm } from '../ccm-entry.ts';

const actor = 'up';

/** The token in the file while the CCM still knows it with these roles; else a new one, which replaces it. */
export async function keptToken(
  ccm: RunningCcm,
  path: string,
  { name, roles }: { readonly name: string; readonly roles: readonly Role[] },
): Promise<string> {
  const { tokens } = ccm.registry;
  const kept = (await readFile(path, 'utf8').catch(() => '')).trim();
  const known = kept === '' ? undefined : tokens.authenticate(kept);
  if (known !== undefined && roles.every((role) => known.roles.includes(role))) return kept;
  for (const token of tokens.list()) {
    if (token.name === name && token.revokedAt === null) tokens.revoke(token.id, actor);
  }
  const { secret } = tokens.create({ name, roles }, actor);
  await writeFileAtomic(path, `${secret}\n`, 0o600);
  return secret;
}
