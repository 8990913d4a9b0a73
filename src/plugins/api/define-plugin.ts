// How a plugin is written: a name, a schema of its configuration, and a setup that returns its hooks.
// Life cycle: decode configuration → capabilities → setup → validate → hooks → clean-up (last registered first, also after a failed setup).

import type { z } from 'zod';
import type { PluginPlace } from './hook-table.ts';
import type { HookCall, Hooks } from './hooks.ts';
import type { PluginHost } from './plugin-host.ts';

export interface PluginSetup<Config> extends PluginHost {
  /** As `configSchema` decoded it. */
  readonly config: Config;
  /** Called when the plugin is taken down, last registered first, also when `setup` or `validate` fails afterwards. */
  onCleanup(clean: () => void | Promise<void>): void;
}

export interface PluginDefinition<Schema extends z.ZodType = z.ZodType> {
  /** Lower-case letters, digits and dashes; what commands are prefixed with (`<name>.<command>`). */
  readonly name: string;
  /** One line: what it does. */
  readonly summary: string;
  /** Where it may run. */
  readonly places: readonly PluginPlace[];
  /** Unknown keys should be refused (`z.strictObject`); every problem is reported at once. */
  readonly configSchema: Schema;
  /** Programs it calls: one that is neither on the PATH nor in an sbin directory is an error at start. A function of the configuration or a list. */
  readonly programs?: readonly string[] | ((config: z.output<Schema>) => readonly string[]);
  /** Takes what it needs and says how to give it back; returns the hooks. */
  setup(setup: PluginSetup<z.output<Schema>>): PluginParts | Promise<PluginParts>;
}

export interface PluginParts {
  /** Looks at the surroundings before the first hook; changes nothing. Throws a PluginError that says what is wrong. */
  validate?(call: HookCall): void | Promise<void>;
  readonly hooks: Hooks;
}

const definitions = new WeakSet<object>();

/** Marks a definition as a plugin; a module exports exactly one. */
export function definePlugin<Schema extends z.ZodType>(
  definition: PluginDefinition<Schema>,
): PluginDefinition<Schema> {
  definitions.add(definition);
  return definition;
}

export function isPluginDefinition(value: unknown): value is PluginDefinition {
  return typeof value === 'object' && value !== null && definitions.has(value);
}
