// For tests of the API: a CCM without plugins.

import { TreecastError } from '../../../model/treecast-error.ts';
import type { ApiContext } from '../api-context.ts';

export const noPluginService: ApiContext['plugins'] = {
  list: () => [],
  hookTimings: { record: () => undefined, of: () => [] },
  tasks: () => [],
  troubledOf: () => 0,
  retry(plugin) {
    throw new TreecastError('NOT_FOUND', `There is no plugin ${plugin} on the CCM.`, {
      fix: 'See `treecast plugin list`.',
    });
  },
  balance: async (site) => ({ site, nodes: [], errors: [] }),
  act: async ({ site }) => ({ site, nodes: [], errors: [] }),
};
