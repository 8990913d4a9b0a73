// Writes a configuration file from the tree: `config-file.write`. Validated before the switch, replaced after it, validated in place and reloaded;
// when one of these fails the former file comes back and is loaded again. Files, validators and reloads are allowed by the node's operator.

import { type FileHandle, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  type CommandEvent,
  createGuardedFiles,
  definePlugin,
  openTreeFile,
  PluginError,
  z,
} from 'treecast/plugin';
import { actionName, configFileConfigSchema, namesFile } from './config-file-config.ts';
import { runReload, runValidator } from './run-actions.ts';
import { readWriteParameters, type WriteParameters } from './write-parameters.ts';

/** Kept in the journal, so that an interrupted replacement is finished with the same steps. */
const activationSchema = z.strictObject({
  from: z.string(),
  validate: actionName.nullable(),
  reload: actionName.nullable(),
});

const fileBytesMax = 16_777_216;

export const configFile = definePlugin({
  name: 'config-file',
  summary: 'writes configuration files from the tree: validated, reloaded, restored on failure',
  places: ['agent'],
  configSchema: configFileConfigSchema,
  programs: ({ validators, reloads }) => [
    ...Object.values(validators).map(({ program }) => program),
    ...Object.values(reloads).flatMap(({ program, verify }) =>
      verify === undefined ? [program] : [program, verify.program],
    ),
  ],
  async setup({ config, exec, log, stateDirectory }) {
    await removeLeftovers(stateDirectory);
    const validatorCalled = (name: string) => named(config.validators, name, 'validator', 'validators');
    const reloadCalled = (name: string) => named(config.reloads, name, 'reload', 'reloads');

    const files = createGuardedFiles({
      stateDirectory,
      allow: config.allow,
      log,
      decode: (what) => activationSchema.parse(what),
      async activate({ what, path, present, restored, signal }) {
        const { from, validate, reload } = what;
        // The former file was good once; it is not judged again.
        if (validate !== null && present && !restored) {
          const validator = validatorCalled(validate);
          if (validator.validateInPlace)
            await runValidator(exec, { name: validate, validator, file: path, called: from, signal });
        }
        if (reload !== null) await runReload(exec, { name: reload, reload: reloadCalled(reload), signal });
      },
    });

    function judgeNames({ validate, reload }: WriteParameters): void {
      if (validate !== undefined) validatorCalled(validate);
      else if (config.requireValidate)
        throw new PluginError('this node wants every configuration file validated', {
          fix: `Name a \`validate\` in the command: ${listed(config.validators)}.`,
          retryable: false,
        });
      if (reload !== undefined) reloadCalled(reload);
    }

    /** Before the file is where the service looks: from a copy with the same name. */
    async function validateCopy(
      source: FileHandle,
      { from, validate }: WriteParameters,
      signal: AbortSignal,
    ): Promise<void> {
      if (validate === undefined) return;
      const validator = validatorCalled(validate);
      if (!validator.args.some(namesFile)) return;
      const directory = await mkdtemp(join(stateDirectory, 'staged-'));
      try {
        const file = join(directory, basename(from));
        const copy = await open(file, 'wx', 0o600);
        try {
          await copy.writeFile(source.createReadStream({ autoClose: false, start: 0 }));
        } finally {
          await copy.close();
        }
        await runValidator(exec, { name: validate, validator, file, called: from, signal });
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    }

    return {
      hooks: {
        attach: ({ site }, { signal }) => files.recover(site, signal),

        async prepare(event, { signal }) {
          const parameters = parametersOf(event);
          judgeNames(parameters);
          await withSource(event, parameters, async (source) => {
            await files.judge(parameters.to, { mode: parameters.mode });
            await validateCopy(source, parameters, signal);
          });
        },

        async apply(event, { signal }) {
          const parameters = parametersOf(event);
          judgeNames(parameters);
          const { from, to, mode, validate = null, reload = null } = parameters;
          const { site } = event;
          const outcome = await withSource(event, parameters, (source) =>
            files.put(
              {
                site,
                to,
                mode,
                source,
                what: { from, validate, reload },
                before: () => validateCopy(source, parameters, signal),
              },
              signal,
            ),
          );
          if (outcome === 'unchanged') return { note: `${to} is as it should be` };
          return { note: `${to} written${reload === null ? '' : `, ${reload} reloaded`}` };
        },
      },
    };
  },
});

function parametersOf({ command, parameters }: CommandEvent): WriteParameters {
  if (command === 'config-file.write') return readWriteParameters(parameters);
  throw new PluginError(`there is no command ${command}`, {
    fix: 'The plugin config-file has one command: config-file.write.',
    retryable: false,
  });
}

async function withSource<T>(
  { to }: CommandEvent,
  { from }: WriteParameters,
  use: (source: FileHandle) => Promise<T>,
): Promise<T> {
  const source = await openTreeFile(to.directory, from);
  try {
    const { size } = await source.stat();
    if (size <= fileBytesMax) return await use(source);
    throw new PluginError(`${from} has ${size} bytes, more than ${fileBytesMax}`, {
      fix: 'Publish it as content; this plugin is for configuration files.',
      retryable: false,
    });
  } finally {
    await source.close();
  }
}

function named<T>(map: Readonly<Record<string, T>>, name: string, what: string, key: string): T {
  const found = Object.hasOwn(map, name) ? map[name] : undefined;
  if (found !== undefined) return found;
  throw new PluginError(`this node has no ${what} ${name}`, {
    fix: `Use one of: ${listed(map)}; or the operator of the node adds it to \`${key}\` of the plugin.`,
    retryable: false,
  });
}

function listed(map: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(map);
  return names.length === 0 ? 'there is none' : names.join(', ');
}

/** Copies that were being judged when the agent was killed. */
async function removeLeftovers(stateDirectory: string): Promise<void> {
  for (const name of await readdir(stateDirectory))
    if (name.startsWith('staged-')) await rm(join(stateDirectory, name), { recursive: true, force: true });
}
