// A small site whose every file says of which version it is and carries its own hash, so that any reader can judge what it got.

import { createHash } from 'node:crypto';

export const siteFiles: readonly string[] = Array.from({ length: 12 }, (_, n) =>
  n % 3 === 0 ? `page-${n}.txt` : `assets/${n % 2}/file-${n}.txt`,
);

export function contentOf(path: string, version: number): string {
  // Of other lengths from version to version, so that a file cut short shows.
  const body = `${version} ${path}\n${'x'.repeat(200 + ((version * 37 + path.length) % 800))}\n`;
  return body + createHash('sha256').update(body).digest('hex');
}

export function siteOf(version: number): Readonly<Record<string, string>> {
  return Object.fromEntries(siteFiles.map((path) => [path, contentOf(path, version)]));
}

/** Undefined for anything but the whole bytes of that file in some version. */
export function versionOf(path: string, bytes: Buffer): number | undefined {
  const text = bytes.toString('latin1');
  const version = Number(/^(\d+) /.exec(text)?.[1]);
  return Number.isInteger(version) && text === contentOf(path, version) ? version : undefined;
}
