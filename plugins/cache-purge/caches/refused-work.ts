// Work that a kind of cache has no call for: said once, with what to do instead.

import { PluginError } from 'treecast/plugin';

export function cannotForgetEverything(name: string): PluginError {
  return new PluginError(
    `${name} has no call that forgets a whole site, and too many URLs changed to name each`,
    {
      fix: 'Raise `urlsMax`, or empty that cache by hand.',
      retryable: false,
    },
  );
}
