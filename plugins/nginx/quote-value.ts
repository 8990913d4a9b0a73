// A value as one word of an nginx configuration: whatever stands in it, it is read back as it was. Variables (`$name`) stay variables.

import { PluginError } from 'treecast/plugin';

/** Without quotes when it is plainly a word. Throws for signs that no configuration has. */
export function quoteValue(value: string): string {
  if (/\p{Cc}/u.test(value)) {
    throw new PluginError(`${JSON.stringify(value)} has control characters, which nginx cannot be given`, {
      fix: 'Choose a name without them.',
      retryable: false,
    });
  }
  return /^[\w$/.:=@~*-]+$/.test(value) ? value : `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** As a path that is meant literally: nginx knows no way to write a `$`. */
export function quotePath(path: string): string {
  if (path.includes('$')) {
    throw new PluginError(`${path} has a "$", which nginx takes for a variable`, {
      fix: 'Choose a directory without it.',
      retryable: false,
    });
  }
  return quoteValue(path);
}
