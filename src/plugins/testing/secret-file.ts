// A secret of a test's configuration, as operators give it: in a file that only its owner reads.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What stands in the configuration for `secret()`. Files of different values do not get in each other's way. */
export function secretFile(directory: string, value: string): { readonly file: string } {
  const name = createHash('sha256').update(value).digest('hex').slice(0, 16);
  const file = join(directory, `secret-${name}`);
  writeFileSync(file, `${value}\n`, { mode: 0o600 });
  return { file };
}
