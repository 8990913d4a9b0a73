// The CLI's view of the CCM's entry points, loaded only by the commands that run a CCM. A change of theirs touches this file.

import type { Ccm } from '../ccm/ccm.ts';
import type { CcmConfiguration } from './ccm-configuration.ts';
import type { ServiceLogger } from './service-logger.ts';

export type RunningCcm = Ccm;

export interface CcmStart {
  readonly directory: string;
  readonly configuration: CcmConfiguration;
  readonly logger: ServiceLogger;
}

/** Makes a state directory with keys, database and a first token. Throws ALREADY_EXISTS when it has one. */
export async function initCcm(options: {
  readonly directory: string;
  readonly publicUrl?: string;
  readonly agentUrl?: string;
  readonly hosts?: readonly string[];
}): Promise<{ readonly adminToken: string }> {
  const entry = await import('../ccm/ccm.ts');
  return entry.initCcm(options);
}

export async function runCcm({ directory, configuration, logger }: CcmStart): Promise<RunningCcm> {
  const entry = await import('../ccm/ccm.ts');
  return entry.runCcm({ directory, logger, ...configuration });
}
