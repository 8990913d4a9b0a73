// A plugin that has the store and the CCM do what only plugins make them do: twins, hooks behind the switch, owed calls. The first of the
// calls that are owed fails, and every call is harmless when it comes twice.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { definePlugin, PluginError, z } from 'treecast/plugin';

export const twinPlugin = definePlugin({
  name: 'sweep',
  summary: 'writes a twin, follows switches, and owes calls',
  places: ['agent', 'ccm'],
  configSchema: z.strictObject({}),
  setup({ stateDirectory }) {
    // Beside the agent's configuration: a test puts them there.
    const unwell = join(stateDirectory, '../../unwell');
    const unwilling = join(stateDirectory, '../../unwilling');
    const started = new Set<string>();
    return {
      hooks: {
        beforeSwitch: async ({ to, writeTwin }) => {
          if (existsSync(unwilling))
            throw new PluginError('the node is unwilling', { fix: 'Make it willing.' });
          // As many as a lag does not spell out, so that a list of paths is kept.
          for (let n = 0; n < 70; n++)
            await writeTwin(
              `${n % 7 === 0 ? 'assets' : 'pages'}/${n}.txt`,
              '.gz',
              Buffer.from(`twin ${n} ${to.release}`),
            );
        },
        afterSwitch: () => undefined,
        probe: ({ kind }) => {
          if (kind === 'publish' && existsSync(unwell))
            throw new PluginError('the node is unwell', { fix: 'Make it well.', switchBack: true });
        },
        notify: ({ job, phase }) => {
          if (phase !== 'started' || started.has(job)) return;
          started.add(job);
          throw new PluginError('the first call fails', { fix: 'Nothing: it is called again.' });
        },
        reindex: () => {
          throw new PluginError('never succeeds', { fix: 'Nothing: it is given up.', retryable: false });
        },
      },
    };
  },
});
