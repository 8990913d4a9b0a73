// The plugins that a CCM is configured with, loaded and set up; when one cannot be, what was opened before is closed.

import { join } from 'node:path';
import { createPluginSet } from '../plugins/host/create-plugin-set.ts';
import type { PluginSet } from '../plugins/host/plugin-set.ts';
import type { CcmOptions } from './ccm-options.ts';

export async function loadPlugins(
  options: Pick<CcmOptions, 'directory' | 'plugins' | 'signal' | 'logger'>,
  opened: { close(): void },
): Promise<PluginSet> {
  try {
    return await createPluginSet({
      entries: options.plugins ?? [],
      place: 'ccm',
      base: options.directory,
      stateDirectory: join(options.directory, 'plugins'),
      log: options.logger,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } catch (error) {
    opened.close();
    throw error;
  }
}
