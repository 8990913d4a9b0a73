// Directories that a web server's user has to get through on its way to the trees: made so whatever the umask says (N21). One that is
// there already is its maker's business.

import { chmod, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

export async function makeReachable(directory: string, mode: 0o711 | 0o755): Promise<void> {
  const made = await mkdir(directory, { recursive: true });
  if (made === undefined) return;
  for (let path = directory; path.length >= made.length; path = dirname(path)) {
    await chmod(path, path === directory ? mode : 0o755);
    if (path === dirname(path)) break;
  }
}
