// Where the CCM listens, from how it is written in its configuration.

import { TreecastError } from '../model/treecast-error.ts';
import { parseListenAddress } from '../net/http/listen-address.ts';

/** Throws INVALID_CONFIGURATION. */
export function addressOf(text: string): { host: string; port: number } {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  throw new TreecastError('INVALID_CONFIGURATION', `"${text}" is not an address to listen on.`, {
    fix: 'Write HOST:PORT, such as 127.0.0.1:7070.',
  });
}

/** What others on this machine connect to when every address is listened on. */
export function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
