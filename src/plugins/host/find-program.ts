// Where programs are looked for: on the PATH and where Debian keeps daemons and network tools, which a service's or a user's PATH may lack.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const sbin = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

export function programPath(): string {
  const path = process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  const there = new Set(path.split(delimiter));
  return [path, ...sbin.filter((directory) => !there.has(directory))].join(delimiter);
}

/** `program`: a name, or a path. */
export function isProgramThere(program: string): boolean {
  const places = program.includes('/')
    ? [program]
    : programPath()
        .split(delimiter)
        .map((directory) => join(directory, program));
  return places.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
