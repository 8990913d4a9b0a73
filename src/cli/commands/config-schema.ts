// Prints the JSON Schema of a kind of configuration file, for editors.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { configurationKindNames, jsonSchemaOf } from '../configuration-kinds.ts';

export const configSchema = defineCommand({
  name: 'config schema',
  summary: 'print the JSON Schema of a kind of configuration file',
  arguments: [{ name: 'kind', summary: 'ccm, agent or policy' }],
  examples: [
    {
      line: 'treecast config schema ccm > ccm.schema.json',
      explanation: 'for an editor that knows JSON Schema',
    },
  ],
  kind: 'local',
  exits: ['ok'],
  json: 'the JSON Schema.',
  input: z.strictObject({ kind: z.enum(configurationKindNames) }),
  async run({ kind }, { output }) {
    const schema = jsonSchemaOf(kind);
    output.answer(schema, () => [JSON.stringify(schema, null, 2)]);
  },
});
