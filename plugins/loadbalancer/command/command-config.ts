// The keys of a `kind: command` balancer.

import { z } from 'treecast/plugin';
import { template } from '../fill-template.ts';
import { entriesOfNodes, plainName } from '../server-names.ts';

const command = z
  .tuple(
    [
      z
        .string()
        .min(1)
        .max(4000)
        .regex(/^[^\0{}]+$/, 'is no program'),
    ],
    template(4000).regex(/^[^\0]*$/, 'has a zero byte'),
  )
  .describe(
    'A program and its arguments, run without a shell; {node}, {server}, {action}, {weight} and {percent} are filled in. Exit code 0 is success.',
  );

export const commandKeys = {
  kind: z.literal('command'),
  servers: entriesOfNodes(plainName)
    .default({})
    .describe(
      'What a node is called there when not by its own name; `[]` when it is not there. When given, nodes that it lacks are not there either.',
    ),
  timeoutSeconds: z.number().min(0.1).max(600).default(30).describe('How long one program may run.'),
  commands: z
    .strictObject({
      drain: command.describe('Takes one server out.'),
      restore: command.describe('Puts one server back.'),
      weigh: command
        .optional()
        .describe('Sets the weight of one server: {weight} is `weight` × share, {percent} 0 to 100.'),
      force: command.optional().describe('Ends the sessions of one server.'),
      sessions: command
        .optional()
        .describe('Prints the number of sessions; without it, `drain.waitSeconds` is waited.'),
      state: command
        .optional()
        .describe('Prints `in`, `draining` or `out`; without it, `inspect` answers `unknown`.'),
    })
    .describe('What is run, for each server.'),
  weight: z.int().min(1).max(1_000_000).default(100).describe('The usual weight, for {weight}.'),
} as const;
