// agent.yaml: what an operator sets for one agent. Everything has a default; the state directory alone is enough.

import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import { parseListenAddress } from '../../net/http/listen-address.ts';
import { isOrigin } from '../../net/join/join-token.ts';
import { labelsSchema } from '../../net/link/agent-message-schema.ts';
import { nameSchema } from '../../net/link/field-schemas.ts';
import { readYamlFile } from '../../net/yaml-file.ts';
import { pluginEntriesSchema } from '../../plugins/host/plugin-entry.ts';
import { segmentSettingsSchema } from '../segment/segment-settings.ts';

const serveSchema = z.strictObject({
  listen: z
    .string()
    .refine((text) => parseListenAddress(text) !== undefined, 'not host:port')
    .describe('Where the built-in static server listens, host:port; port 0 lets the system choose.'),
  site: nameSchema
    .optional()
    .describe('The site it serves; without it the only one, or the first that the CCM grants.'),
  url: z
    .string()
    .max(512)
    .regex(/^https?:\/\/[^/?#\s]+$/)
    .optional()
    .describe('Origin that the server is reached by, when it is not http://<listen>.'),
});

export const agentConfigurationSchema = z.strictObject({
  name: nameSchema.optional().describe('The node’s name; must be the one it joined with.'),
  ccm: z
    .string()
    .refine(isOrigin, 'not an https:// origin without a path')
    .optional()
    .describe('Origin of the CCM’s agents’ port, when it has moved since the node joined.'),
  labels: labelsSchema.default({}).describe('What content groups select nodes by.'),
  serve: z
    .union([z.literal('off'), serveSchema])
    .default('off')
    .describe('The built-in static server; off when a web server serves the live directories.'),
  root: z
    .string()
    .min(1)
    .startsWith('/')
    .optional()
    .describe('Absolute directory under which sites are kept; default: sites in the state directory.'),
  niceness: z
    .int()
    .min(0)
    .max(19)
    .default(10)
    .describe(
      'The agent’s scheduling priority, and that of programs its plugins start: above 0 the web server goes first while both want the processor.',
    ),
  scrub: z
    .union([
      z.literal('off'),
      z.strictObject({
        bytesPerSecond: z
          .int()
          .min(65_536)
          .max(10_737_418_240)
          .default(4_194_304)
          .describe('Read at most, of all sites together; each file counts as 32 KiB more.'),
        everySeconds: z
          .int()
          .min(1)
          .max(2_592_000)
          .default(3_600)
          .describe('From the begin of one pass over a site to that of the next, at least.'),
      }),
    ])
    .prefault({})
    .describe('Re-reading of the live trees in the background, which finds files that somebody changed.'),
  segment: z
    .union([z.literal('off'), segmentSettingsSchema])
    .prefault({})
    .describe('The nodes of one LAN find a leader among themselves; `off`: this node takes no part.'),
  tree: z
    .strictObject({
      order: z
        .enum(['together', 'segment'])
        .default('together')
        .describe(
          'As a leader: `together` serves other segments’ leaders and the own segment at once; `segment` asks for others to serve only when the own segment has it.',
        ),
    })
    .prefault({})
    .describe('What this node does for other segments while it leads its own.'),
  plugins: pluginEntriesSchema,
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    })
    .prefault({}),
});

export type AgentConfiguration = z.output<typeof agentConfigurationSchema>;
export type AgentConfigurationInput = z.input<typeof agentConfigurationSchema>;

export function agentConfigurationPath(directory: string): string {
  return join(directory, 'agent.yaml');
}

/** Throws INVALID_CONFIGURATION with every problem; a directory without the file has the defaults. */
export async function readAgentConfiguration(directory: string): Promise<AgentConfiguration> {
  try {
    return await readYamlFile(agentConfigurationPath(directory), agentConfigurationSchema);
  } catch (error) {
    if (error instanceof TreecastError && error.code === 'NOT_FOUND')
      return agentConfigurationSchema.parse({});
    throw error;
  }
}

/** Replaces the file. Throws INVALID_CONFIGURATION rather than write one that could not be read. */
export async function writeAgentConfiguration(
  directory: string,
  configuration: AgentConfigurationInput,
): Promise<void> {
  const parsed = agentConfigurationSchema.safeParse(configuration);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new TreecastError(
      'INVALID_CONFIGURATION',
      `The agent’s configuration is wrong: ${problems.join('; ')}.`,
      {
        cause: parsed.error,
        fix: 'Correct what is named.',
      },
    );
  }
  const text = `# Configuration of a Treecast agent: docs/configuration.md\n${stringify(configuration)}`;
  await writeFileAtomic(agentConfigurationPath(directory), text, 0o644);
  failpoint('agent.join.configuration-written');
}
