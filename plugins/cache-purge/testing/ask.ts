// A reader in front of a cache: asks for a path under a host name, and tells whether the answer came from the cache.

import { askHttp, type HttpAnswer } from 'treecast/plugin/testing';

export const siteHost = 'www.example.org';
export const siteOrigin = `http://${siteHost}`;

export function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<HttpAnswer> {
  return askHttp(port, path, { method, headers: { host: siteHost, ...headers } });
}
