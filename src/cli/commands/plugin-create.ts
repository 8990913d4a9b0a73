// Makes the files of a new plugin.

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { TreecastError } from '../../model/treecast-error.ts';
import { apiTypes } from '../../plugins/scaffold/api-types.ts';
import { scaffoldPlugin } from '../../plugins/scaffold/scaffold-plugin.ts';
import { defineCommand } from '../command.ts';

export const pluginCreate = defineCommand({
  name: 'plugin create',
  summary: 'make the files of a new plugin: code, test, README',
  details: 'The plugin works as it is and passes the conformance suite; docs/plugins.md says how to go on.',
  arguments: [{ name: 'name', summary: 'what it is called: lower-case letters, digits, dashes' }],
  options: [{ flags: '--dir <directory>', summary: 'where it is made (default: a directory of its name)' }],
  examples: [{ line: 'treecast plugin create my-cache', explanation: 'then: treecast plugin test my-cache' }],
  kind: 'local',
  exits: ['ok', 'refused'],
  json: '`{"plugin","directory","files":[…]}`.',
  input: z.strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'Is no name of a plugin: lower-case letters, digits, dashes')
      .max(64),
    dir: z.string().min(1).optional(),
  }),
  async run({ name, dir }, { cwd, output }) {
    const directory = resolve(cwd, dir ?? name);
    await mkdir(directory, { recursive: true });
    if ((await readdir(directory)).length > 0) {
      throw new TreecastError('ALREADY_EXISTS', `${directory} is not empty.`, {
        fix: 'Name another directory with --dir.',
      });
    }
    const files = scaffoldPlugin(name, apiTypes());
    for (const [path, text] of files) await writeFile(join(directory, path), text, { flag: 'wx' });
    output.answer({ plugin: name, directory, files: [...files.keys()] }, () => [
      `Made the plugin ${name} in ${directory}: ${[...files.keys()].join(', ')}.`,
      `Test it:  treecast plugin test ${dir ?? name}`,
      `Use it:   name ${directory} under \`plugins\` in agent.yaml or ccm.yaml.`,
    ]);
  },
});
