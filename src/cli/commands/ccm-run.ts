// Runs a CCM until it is told to stop.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { parseListenAddress } from '../../net/http/listen-address.ts';
import { readYamlFile } from '../../net/yaml-file.ts';
import { type CcmConfiguration, ccmConfigurationSchema, isLoopback } from '../ccm-configuration.ts';
import { runCcm } from '../ccm-entry.ts';
import { defineCommand } from '../command.ts';
import { createServiceLogger, logFormat, logLevel } from '../service-logger.ts';
import { untilAborted } from '../until-aborted.ts';

export const ccmRun = defineCommand({
  name: 'ccm run',
  summary: 'run a CCM',
  details: 'Logs go to standard error. SIGTERM and SIGINT stop it in good order.',
  options: [
    { flags: '--dir <directory>', summary: 'its state directory, made by `ccm init`' },
    { flags: '--config <file>', summary: 'its configuration (default: ccm.yaml in the state directory)' },
    { flags: '--log-level <level>', summary: 'trace, debug, info, warn, error or silent' },
    { flags: '--log-format <format>', summary: 'json or pretty' },
  ],
  examples: [
    { line: 'treecast ccm run --dir /var/lib/treecast-ccm', explanation: 'with the ccm.yaml there' },
    { line: 'treecast ccm run --dir ccm --log-format pretty', explanation: 'a log for people' },
  ],
  kind: 'service',
  exits: ['ok', 'failed', 'refused'],
  json: 'one line when ready: `{"ready":true,"api","agentUrl"}`.',
  input: z.strictObject({
    dir: z.string().min(1),
    config: z.string().min(1).optional(),
    logLevel: logLevel.optional(),
    logFormat: logFormat.optional(),
  }),
  async run({ dir, config, logLevel: level, logFormat: format }, { cwd, output, signal }) {
    const directory = resolve(cwd, dir);
    const configuration = await readConfiguration(directory, config && resolve(cwd, config));
    const log = { level: level ?? configuration.log.level, format: format ?? configuration.log.format };
    const { listen, tls } = configuration;
    if (tls === undefined && !isLoopback(parseListenAddress(listen)?.host ?? '')) {
      output.note(
        `warning: the public port (listen: ${listen}) is plain HTTP and may be reached from other machines: tokens and content can be read on the way. Set tls in ccm.yaml, or listen on 127.0.0.1 behind a TLS proxy.`,
      );
    }
    const fatal = Promise.withResolvers<never>();
    fatal.promise.catch(() => undefined);
    const ccm = await runCcm({
      directory,
      configuration,
      logger: await createServiceLogger(log, 'stderr'),
      create: false,
      onFatal: fatal.reject,
      signal,
    }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (ccm === undefined) return;
    try {
      output.answer({ ready: true, api: ccm.api, agentUrl: ccm.agentUrl }, () => [
        `The CCM is ready: ${ccm.api} (Git and API), ${ccm.agentUrl} (agents).`,
        `The public port listens on ${listen} and speaks ${tls === undefined ? 'plain HTTP' : 'HTTPS'}.`,
      ]);
      await Promise.race([untilAborted(signal), fatal.promise]);
    } finally {
      await ccm.close();
    }
  },
});

async function readConfiguration(directory: string, named: string | undefined): Promise<CcmConfiguration> {
  const path = named ?? join(directory, 'ccm.yaml');
  if (named === undefined && !existsSync(path)) return ccmConfigurationSchema.parse({});
  return readYamlFile(path, ccmConfigurationSchema);
}
