// Makes a CCM: keys, database, first token, configuration file.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { type CcmConfiguration, ccmConfigurationSchema, isLoopback, origin } from '../ccm-configuration.ts';
import { initCcm } from '../ccm-entry.ts';
import { defineCommand } from '../command.ts';
import { rememberContext } from '../remember-context.ts';

const defaults = ccmConfigurationSchema.parse({});

export const ccmInit = defineCommand({
  name: 'ccm init',
  summary: 'make a CCM: private CA, signing and content keys, database, a first token',
  details:
    'Writes ccm.yaml into the directory (ports as in the two URLs), and the context file so that the CLI here knows the CCM.',
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
    const listen = withPortOf(publicUrl, defaults.listen);
    const agentListen = withPortOf(agentUrl, defaults.agentListen);
    if (!existsSync(configurationPath)) {
      await writeFile(
        configurationPath,
        stringify({ listen, agentListen, publicUrl, agentUrl }, { keepUndefined: false }),
      );
    }
    const api = publicUrl ?? `http://${listen}`;
    await rememberContext({ api, token: adminToken }, env, output);
    output.answer({ directory, configuration: configurationPath, api, token: adminToken }, () => [
      `Made a CCM in ${directory}.`,
      `Its configuration: ${configurationPath}`,
      `An admin token, shown once: ${adminToken}`,
      '',
      ...nextSteps({ listen, agentListen, publicUrl, agentUrl }),
      `Start it: treecast ccm run --dir ${dir}`,
    ]);
  },
});

/** The port that others are told to use is the one to listen on, unless something stands before it: then the file is edited. */
function withPortOf(url: string | undefined, listen: string): string {
  if (url === undefined) return listen;
  const { port, hostname } = new URL(url);
  if (port === '') return listen;
  // What others reach on loopback only need not be open to the network.
  return isLoopback(hostname) ? `127.0.0.1:${port}` : listen.replace(/\d+$/, port);
}

type Addresses = Pick<CcmConfiguration, 'listen' | 'agentListen' | 'publicUrl' | 'agentUrl'>;

function nextSteps({ listen, agentListen, publicUrl, agentUrl }: Addresses): string[] {
  const lines: string[] = [];
  if (publicUrl === undefined) {
    lines.push(`  listen: ${listen} is for this machine only; for others set listen, tls and publicUrl`);
  } else if (!isLoopback(new URL(publicUrl).hostname)) {
    const open = listen.replace(/^.*:/, '0.0.0.0:');
    lines.push(
      `  listen: ${listen} is for a TLS proxy on this machine that answers for ${publicUrl};`,
      `          without one write listen: ${open} and tls: {certificate: FILE, key: FILE}`,
    );
  }
  if (agentUrl === undefined) {
    lines.push('  agentUrl: how agents on other machines reach it, such as https://ccm.example.org:7443');
  } else if (new URL(agentUrl).port === '') {
    lines.push(
      `  agentListen: ${agentListen}, but ${agentUrl} names no port: forward 443 to it, or change one`,
    );
  }
  return lines.length === 0 ? [] : ['Look at these in its configuration first:', ...lines, ''];
}
