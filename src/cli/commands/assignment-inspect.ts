// Prints an assignment file (its manifest) as text or JSON; checks signature and data when it is given key and data.

import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { describeAssignment } from '../../assignment/describe-assignment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { assignmentLines } from '../assignment-lines.ts';
import { defineCommand } from '../command.ts';

export const assignmentInspect = defineCommand({
  name: 'assignment inspect',
  summary: 'print what an assignment holds: its header and every command',
  arguments: [
    { name: 'file', summary: 'a manifest file: assignments/ID.manifest in the state directory of the CCM' },
  ],
  options: [
    {
      flags: '--data <file>',
      summary: 'its data file (ID.data beside it): every block is checked against the header',
    },
    {
      flags: '--key <file>',
      summary:
        'the release key (PEM): keys/release-key.pem of the CCM, or its public half; the signature is checked',
    },
  ],
  examples: [
    { line: 'treecast assignment inspect manifest', explanation: 'header, counts, space, commands' },
    { line: 'treecast assignment inspect manifest --json', explanation: 'the same as one JSON document' },
  ],
  kind: 'local',
  exits: ['ok', 'failed', 'refused'],
  json: '`{"header","manifestBytes","blocks","signature","data","commands","commandsOmitted"}`.',
  input: z.strictObject({
    file: z.string().min(1),
    data: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
  }),
  async run({ file, data, key }, { cwd, output }) {
    const description = describeAssignment(await readInput(resolve(cwd, file)), {
      ...(data === undefined ? {} : { data: await readInput(resolve(cwd, data)) }),
      ...(key === undefined ? {} : { keys: [await readPublicKey(resolve(cwd, key))] }),
    });
    output.answer(description, () => assignmentLines(description));
    const isDataGood = description.data === 'absent' || description.data.corruptBlocks.length === 0;
    return description.signature !== 'invalid' && isDataGood ? 'ok' : 'failed';
  },
});

async function readInput(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new TreecastError('NOT_FOUND', `${path} cannot be read.`, { cause, fix: 'Check the path.' });
  }
}

async function readPublicKey(path: string): Promise<KeyObject> {
  const pem = await readInput(path);
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new TreecastError('INVALID_INPUT', `${path} is not a key.`, {
      cause,
      fix: 'Give keys/release-key.pem of the CCM, or its public half (PEM).',
    });
  }
}
