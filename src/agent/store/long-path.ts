// Paths on disk that are longer than any of a tree can be (ASG-16). Where those begin is one thing that is extra (STG-38), so that nobody
// has to name what somebody nested without end.

import { pathBytesMax } from '../../assignment/path-rule.ts';

export function isTooLong(path: string): boolean {
  return path.length > pathBytesMax / 4 && Buffer.byteLength(path) > pathBytesMax;
}

/** The path itself, or the one above it that is too long already. */
export function whereTooLong(path: string): string {
  if (!isTooLong(path)) return path;
  let bytes = Buffer.byteLength(path);
  let end = path.length;
  for (;;) {
    const slash = path.lastIndexOf('/', end - 1);
    if (slash < 0) break;
    bytes -= Buffer.byteLength(path.slice(slash, end));
    if (bytes <= pathBytesMax) break;
    end = slash;
  }
  return path.slice(0, end);
}
