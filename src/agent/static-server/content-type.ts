// The type of a file by its name; text is UTF-8. What sites are made of is told here; the large table of everything else is loaded when
// a file of another kind is first asked for: an agent that rests should be small.

import { createRequire } from 'node:module';

const usual: Readonly<Record<string, string>> = {
  '.avif': 'image/avif',
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.htm': 'text/html; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.mp4': 'video/mp4',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webm': 'video/webm',
  '.webp': 'image/webp',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};
const byExtension = new Map(Object.entries(usual));

export function contentTypeOf(name: string): string {
  const dot = name.lastIndexOf('.');
  const extension = dot < 0 ? '' : name.slice(dot).toLowerCase();
  const known = byExtension.get(extension);
  if (known !== undefined) return known;
  const found = (extension.length > 1 && typeFromTable(extension)) || 'application/octet-stream';
  // Names come from a tree, so the number of extensions is bounded by it; long ones are not worth keeping.
  if (extension.length <= 16) byExtension.set(extension, found);
  return found;
}

function typeFromTable(extension: string): string | false {
  const table = createRequire(import.meta.url)('mime-types') as typeof import('mime-types');
  return table.contentType(extension);
}
