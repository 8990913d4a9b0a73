// An entry of `plugins` in agent.yaml or ccm.yaml: which plugin, for which sites, with which configuration.

import { z } from 'zod';
import { hookNames } from '../api/hook-table.ts';

const name = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/,
    'is not a name: lower-case letters, digits, dots and dashes',
  );

export const pluginEntrySchema = z.strictObject({
  use: z
    .string()
    .min(1)
    .max(1000)
    .describe(
      'Which plugin: the name of one that comes with Treecast, of an installed npm package, or a path that begins with `/` or `.`.',
    ),
  name: name
    .optional()
    .describe(
      'What this instance is called; needed when a plugin is used twice. Default: the plugin’s name.',
    ),
  sites: z
    .array(name)
    .min(1)
    .max(10_000)
    .optional()
    .describe('The sites it works for; default: all of them.'),
  timeouts: z
    .partialRecord(z.enum(hookNames as [string, ...string[]]), z.number().positive().max(3600))
    .default({})
    .describe('Limits of single hooks, in seconds.'),
  config: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('The plugin’s own configuration; see its README.'),
});

export type PluginEntry = z.output<typeof pluginEntrySchema>;

export const pluginEntriesSchema = z
  .array(pluginEntrySchema)
  .max(100)
  .default([])
  .describe('Plugins, in the order in which their hooks run.');
