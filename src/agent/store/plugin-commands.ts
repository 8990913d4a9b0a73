// The commands of a release that plugins carry out: collected while the content commands run, kept in one file by its hash, given back
// for any tree held here. Bounds them (STG-26); what they mean is the plugins' business, when they run the session's.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../assignment/canonical-json.ts';
import type { Command } from '../../model/assignment.ts';
import { TreecastError } from '../../model/treecast-error.ts';

export interface PluginCommand {
  readonly name: string;
  readonly parameters: Record<string, unknown>;
}

export const pluginCommandsMax = 64;
export const pluginCommandBytesMax = 64 * 1024;

const schema = z
  .array(z.strictObject({ name: z.string(), parameters: z.record(z.string(), z.unknown()) }))
  .max(pluginCommandsMax);

export interface PluginCommands {
  /** In the order of the release. Throws STAGE_FAILED beyond a bound, and for a command with a payload. */
  add(command: Extract<Command, { do: 'plugin' }>): void;
  /** What to keep; undefined when there are none. */
  bytes(): Buffer | undefined;
}

export function createPluginCommands(): PluginCommands {
  const commands: string[] = [];
  // The brackets; each command brings itself and a comma.
  let total = 2;
  return {
    add({ name, parameters, data }) {
      if (data !== undefined) {
        throw refused(
          'it has a payload, which no plugin takes',
          'Put the bytes into a file of the tree, and name its path in the parameters.',
        );
      }
      if (commands.length >= pluginCommandsMax) {
        throw refused(`a release has at most ${pluginCommandsMax} plugin commands`, 'Use fewer commands.');
      }
      const text = canonicalJson({ name, parameters });
      total += Buffer.byteLength(text) + (commands.length > 0 ? 1 : 0);
      if (total > pluginCommandBytesMax) {
        throw refused(
          `the plugin commands of a release have at most ${pluginCommandBytesMax} bytes as JSON together`,
          'Put what is long into files of the tree, and name their paths in the parameters.',
        );
      }
      commands.push(text);
    },
    bytes: () => (commands.length === 0 ? undefined : Buffer.from(`[${commands.join(',')}]`)),
  };
}

/** Throws STATE_CORRUPT for bytes that are not those kept under the name. */
export function parsePluginCommands(id: string, bytes: Buffer): readonly PluginCommand[] {
  const isSame = createHash('sha256').update(bytes).digest('hex') === id;
  const parsed = isSame ? schema.safeParse(JSON.parse(bytes.toString('utf8'))) : undefined;
  if (!parsed?.success) {
    throw new TreecastError('STATE_CORRUPT', `the plugin commands ${id} kept for a tree were damaged`, {
      fix: 'Publish again: the commands travel with every release.',
    });
  }
  return parsed.data;
}

function refused(what: string, fix: string): TreecastError {
  return new TreecastError('STAGE_FAILED', what, { fix });
}
