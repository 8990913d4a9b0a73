// The name of this machine's time zone. Not asked of Intl: its tables would stay in the memory of an agent that rests.

import { readlinkSync } from 'node:fs';

export function timeZone(env: NodeJS.ProcessEnv = process.env, localTime = '/etc/localtime'): string {
  const named = env['TZ']?.replace(/^:/, '');
  if (named !== undefined && zonePattern.test(named)) return named;
  try {
    const [, name = ''] = readlinkSync(localTime).split('/zoneinfo/');
    if (zonePattern.test(name)) return name;
  } catch {
    // A copy instead of a link has no name.
  }
  return 'UTC';
}

const zonePattern = /^[A-Za-z][A-Za-z0-9+_-]*(?:\/[A-Za-z0-9+_-]+){0,2}$/;
