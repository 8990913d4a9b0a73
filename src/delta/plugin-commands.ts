// The plugin commands of a site's policy as an assignment carries them: the policy's `nginx.site` is the container's `nginx:site`.

import type { SiteCommand } from '../model/site.ts';
import type { PlannedCommand } from './planned-command.ts';

/** In the policy's order; they come after everything else. */
export function pluginCommands(commands: readonly SiteCommand[]): PlannedCommand[] {
  return commands.map(({ name, parameters }) => ({
    do: 'plugin',
    name: name.replace('.', ':'),
    parameters,
  }));
}
