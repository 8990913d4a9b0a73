// Installs a program from the tree: `program.install`. The node's operator decides where to and which units may be restarted; after the switch
// the file is replaced and its unit restarted only when it differs, and the former program comes back when the unit does not run.

import { type FileHandle, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandEvent } from 'treecast/plugin';
import { createGuardedFiles, definePlugin, openTreeFile, PluginError, z } from 'treecast/plugin';
import { checkStaged } from './check-staged.ts';
import { type InstallParameters, readInstallParameters } from './install-parameters.ts';
import { programConfigSchema, unitName } from './program-config.ts';
import { resolveAccount } from './resolve-account.ts';
import { restartUnit } from './restart-unit.ts';

const activationSchema = z.strictObject({ restart: unitName.nullable() });

export const program = definePlugin({
  name: 'program',
  summary: 'installs programs from the tree and restarts their units',
  places: ['agent'],
  configSchema: programConfigSchema,
  programs: ({ units, restart, verify }) => (units.length === 0 ? [] : [restart.program, verify.program]),
  async setup({ config, exec, log, stateDirectory }) {
    await removeLeftovers(stateDirectory);
    const files = createGuardedFiles({
      stateDirectory,
      allow: config.allow,
      log,
      decode: (what) => activationSchema.parse(what),
      async activate({ what, present, signal }) {
        // A program that was new and is gone again has nothing to run.
        if (what.restart !== null && present) await restartUnit(exec, config, what.restart, signal);
      },
    });

    function allowed(parameters: InstallParameters): void {
      const { restart, check } = parameters;
      if (restart !== undefined && !config.units.includes(restart))
        throw notAllowed(`the unit ${restart} may not be restarted on this node`, 'units');
      if (check !== undefined && !config.runChecks)
        throw notAllowed('staged programs may not be run on this node', 'runChecks');
    }

    async function attributesOf({ mode, owner, group }: InstallParameters) {
      const uid = await resolveAccount(exec, 'passwd', owner);
      const gid = await resolveAccount(exec, 'group', group);
      return { mode, uid, gid };
    }

    return {
      hooks: {
        attach: ({ site }, { signal }) => files.recover(site, signal),

        async prepare(event, { signal }) {
          const parameters = parametersOf(event);
          allowed(parameters);
          const { from, to, check } = parameters;
          await withSource(event, from, async (source) => {
            await files.judge(to, await attributesOf(parameters));
            if (check !== undefined)
              await checkStaged(exec, { source, from, args: check.args, stateDirectory, signal });
          });
        },

        async apply(event, { signal }) {
          const parameters = parametersOf(event);
          allowed(parameters);
          const { from, to, restart = null } = parameters;
          const attributes = await attributesOf(parameters);
          const { site } = event;
          const outcome = await withSource(event, from, (source) =>
            files.put({ site, to, source, ...attributes, what: { restart } }, signal),
          );
          if (outcome === 'unchanged') return { note: `${to} is as it should be` };
          return { note: `${to} installed${restart === null ? '' : `, ${restart} restarted`}` };
        },
      },
    };
  },
});

function parametersOf({ command, parameters }: CommandEvent): InstallParameters {
  if (command === 'program.install') return readInstallParameters(parameters);
  throw new PluginError(`there is no command ${command}`, {
    fix: 'The plugin program has one command: program.install.',
    retryable: false,
  });
}

async function withSource<T>(
  { to }: CommandEvent,
  from: string,
  use: (source: FileHandle) => Promise<T>,
): Promise<T> {
  const source = await openTreeFile(to.directory, from);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

function notAllowed(what: string, key: string): PluginError {
  return new PluginError(what, {
    fix: `The operator of the node allows it by \`${key}\` of the plugin program.`,
    retryable: false,
  });
}

/** Copies that were being judged when the agent was killed. */
async function removeLeftovers(stateDirectory: string): Promise<void> {
  for (const name of await readdir(stateDirectory))
    if (name.startsWith('check-')) await rm(join(stateDirectory, name), { recursive: true, force: true });
}
