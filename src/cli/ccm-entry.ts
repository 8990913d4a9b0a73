// The CLI's view of the CCM's entry points, loaded only by the commands that run a CCM. A change of theirs touches this file.

import type { Ccm, CcmInit } from '../ccm/ccm.ts';
import { TreecastError } from '../model/treecast-error.ts';
import type { CcmConfiguration } from './ccm-configuration.ts';
import { readPublicCertificate } from './public-certificate.ts';
import type { ServiceLogger } from './service-logger.ts';

export type RunningCcm = Ccm;

export interface CcmStart {
  readonly directory: string;
  readonly configuration: CcmConfiguration;
  readonly logger: ServiceLogger;
  /** Makes the state directory when there is none. */
  readonly create: boolean;
  /** The CCM can no longer go on, for example because its disk refuses writes: end the process. */
  onFatal(error: unknown): void;
  /** Ends the wait for a plugin that hangs; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Makes a state directory with keys, database and a first token. Throws ALREADY_EXISTS when it has one. */
export async function initCcm(options: CcmInit): Promise<{ readonly adminToken: string }> {
  const entry = await import('../ccm/ccm.ts');
  return entry.initCcm(options);
}

/** Copies a state directory, also while its CCM runs. Throws NOT_FOUND, ALREADY_EXISTS, DATABASE_UNAVAILABLE. */
export async function backUpCcm(directory: string, target: string): Promise<void> {
  const entry = await import('../ccm/ccm.ts');
  return entry.backUpCcm(directory, target);
}

/** The secret of a new admin token. Throws NOT_FOUND, FORBIDDEN, ALREADY_EXISTS, CONFLICT. */
export async function recoverToken(directory: string, name: string): Promise<string> {
  const entry = await import('../ccm/ccm.ts');
  return entry.recoverToken(directory, name);
}

export async function runCcm({ configuration, onFatal, ...start }: CcmStart): Promise<RunningCcm> {
  const entry = await import('../ccm/ccm.ts');
  const { listen, agentListen, publicUrl, agentUrl, plugins, certificateDays, segments, tree, uplink } =
    configuration;
  const tls = configuration.tls && (await readPublicCertificate(start.directory, configuration.tls));
  return entry.runCcm({
    ...start,
    listen,
    agentListen,
    tls,
    publicUrl,
    agentUrl,
    plugins,
    certificateDays,
    uplink,
    segments,
    tree,
    onFatal(cause) {
      onFatal(
        cause instanceof TreecastError
          ? cause
          : new TreecastError('STATE_CORRUPT', 'The CCM stops: its state could not be written.', {
              cause,
              fix: 'Check the disk and the rights of its state directory, then start it again; its log says more.',
            }),
      );
    },
  });
}
