// Makes a CCM: keys, database, first token, configuration file.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { ccmConfigurationSchema, origin } from '../ccm-configuration.ts';
import { initCcm } from '../ccm-entry.ts';
import { defineCommand } from '../command.ts';
import { rememberContext } from '../remember-context.ts';

const defaults = ccmConfigurationSchema.parse({});

export const ccmInit = defineCommand({
  name: 'ccm init',
  summary: 'make a CCM: private CA, signing and content keys, database, a first token',
  details: 'Writes ccm.yaml into the directory, and the context file so that the CLI here knows the CCM.',
  options: [
    { flags: '--dir <directory>', summary: 'its state directory' },
    {
      flags: '--public-url <url>',
      summary: 'how authors and operators reach it, such as https://ccm.example.org',
    },
    { flags: '--agent-url <url>', summary: 'how agents reach it, such as https://ccm.example.org:7443' },
    {
      flags: '--host <name>',
      summary: 'a name or address for the certificate of the agents’ port; may be repeated',
      repeatable: true,
    },
  ],
  examples: [
    {
      line: 'treecast ccm init --dir /var/lib/treecast-ccm --public-url https://ccm.example.org --agent-url https://ccm.example.org:7443',
      explanation: 'then: treecast ccm run --dir /var/lib/treecast-ccm',
    },
  ],
  kind: 'local',
  exits: ['ok', 'refused'],
  json: '`{"directory","configuration","api","token"}`.',
  input: z.strictObject({
    dir: z.string().min(1),
    publicUrl: origin.optional(),
    agentUrl: origin.optional(),
    host: z.array(z.string().min(1).max(253)).optional(),
  }),
  async run({ dir, publicUrl, agentUrl, host }, { cwd, env, output }) {
    const directory = resolve(cwd, dir);
    const { adminToken } = await initCcm({
      directory,
      ...(publicUrl === undefined ? {} : { publicUrl }),
      ...(agentUrl === undefined ? {} : { agentUrl }),
      ...(host === undefined ? {} : { hosts: host }),
    });
    const configurationPath = join(directory, 'ccm.yaml');
    if (!existsSync(configurationPath)) {
      const { listen, agentListen } = defaults;
      await writeFile(
        configurationPath,
        stringify({ listen, agentListen, publicUrl, agentUrl }, { keepUndefined: false }),
      );
    }
    const api = publicUrl ?? `http://${defaults.listen}`;
    await rememberContext({ api, token: adminToken }, env, output);
    output.answer({ directory, configuration: configurationPath, api, token: adminToken }, () => [
      `Made a CCM in ${directory}.`,
      `Its configuration: ${configurationPath}`,
      `An admin token, shown once: ${adminToken}`,
      '',
      `Start it: treecast ccm run --dir ${dir}`,
    ]);
  },
});
