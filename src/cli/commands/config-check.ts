// Checks a configuration file and reports everything that is wrong in it at once.

import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import { TreecastError } from '../../model/treecast-error.ts';
import { readYamlFile } from '../../net/yaml-file.ts';
import { checkEntries } from '../../plugins/host/decode-entries.ts';
import { pluginEntriesSchema } from '../../plugins/host/plugin-entry.ts';
import { ccmConfigurationSchema } from '../ccm-configuration.ts';
import { defineCommand } from '../command.ts';
import {
  type ConfigurationKindName,
  configurationKindNames,
  configurationKinds,
} from '../configuration-kinds.ts';
import { readPublicCertificate } from '../public-certificate.ts';

export const configCheck = defineCommand({
  name: 'config check',
  summary: 'check a configuration file: every problem with line, column and fix',
  details:
    'For the CCM also that the files of `tls` can be read (relative paths: from the directory of the file). Plugins are found and loaded, their configuration and programs checked; none is started.',
  arguments: [{ name: 'file', summary: 'a YAML file' }],
  options: [{ flags: '--kind <kind>', summary: 'ccm, agent or policy (default: by the name of the file)' }],
  examples: [
    { line: 'treecast config check ccm.yaml', explanation: 'exit code 0 when the CCM would accept it' },
    { line: 'treecast config check docs.yaml --kind policy', explanation: 'policies of a site' },
  ],
  kind: 'local',
  exits: ['ok', 'refused'],
  json: '`{"file","kind","ok":true,"configuration"}`; problems are in `error.data.problems`, each with `line`, `column`, `path`, `message`, `fix`; of plugins, which are looked at when the file itself is right, as texts.',
  input: z.strictObject({
    file: z.string().min(1),
    kind: z.enum(configurationKindNames).optional(),
  }),
  async run({ file, kind = kindByName(file) }, { cwd, output }) {
    const path = resolve(cwd, file);
    const configuration = await readYamlFile(path, configurationKinds[kind].schema);
    if (kind === 'ccm') {
      const { tls } = ccmConfigurationSchema.parse(configuration);
      if (tls !== undefined) await readPublicCertificate(dirname(path), tls);
    }
    if (kind !== 'policy') {
      const { plugins: entries } = z.object({ plugins: pluginEntriesSchema }).parse(configuration);
      await checkEntries({ entries, place: kind, base: dirname(path) });
    }
    output.answer({ file: path, kind, ok: true, configuration }, () => [
      `${file} is a correct ${kind} file.`,
    ]);
  },
});

function kindByName(file: string): ConfigurationKindName {
  const name = basename(file).replace(/\.yml$/, '.yaml');
  const kind = configurationKindNames.find((each) => name.endsWith(configurationKinds[each].fileName));
  if (kind !== undefined) return kind;
  throw new TreecastError(
    'INVALID_INPUT',
    `Which kind of configuration ${file} is does not follow from its name.`,
    {
      fix: `Give --kind ${configurationKindNames.join(', --kind ')}.`,
    },
  );
}
