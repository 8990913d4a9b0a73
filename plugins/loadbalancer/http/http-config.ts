// The keys of a `kind: http` balancer.

import { secret, z } from 'treecast/plugin';
import { template } from '../fill-template.ts';
import { entriesOfNodes, plainName } from '../server-names.ts';

const url = template(2000).regex(/^https?:\/\/[^\s]+$/, 'must begin with http:// or https://');
const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'is no name of a header');
const headerValue = template(2000).regex(/^[\x20-\x7e]*$/, 'has letters that a header may not have');

const request = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST').describe('The method.'),
  url: url.describe('The address; {node}, {server}, {action}, {weight} and {percent} are filled in.'),
  headers: z
    .record(headerName, headerValue)
    .default({})
    .describe('Headers of this request beside those of the balancer.'),
  body: template(65_536).optional().describe('The body, with the same words filled in.'),
  etagFrom: url
    .optional()
    .describe(
      'An address whose ETag is read first and sent as `If-Match`: a change that somebody else made in between is not overwritten.',
    ),
});

const question = {
  url: url.describe('Asked by GET; {node} and {server} are filled in.'),
  pointer: z
    .string()
    .max(500)
    .regex(/^(?:\/(?:[^~/]|~[01])*)*$/, 'is no JSON pointer such as `/stats/active`')
    .describe('Where in the JSON answer it stands; empty when the answer is the value itself.'),
};

const values = z.array(z.union([z.string(), z.number(), z.boolean()])).max(50);

export const httpKeys = {
  kind: z.literal('http'),
  servers: entriesOfNodes(plainName)
    .default({})
    .describe(
      'What a node is called there when not by its own name; `[]` when it is not there. When given, nodes that it lacks are not there either.',
    ),
  headers: z
    .record(
      headerName,
      z.union([
        z
          .string()
          .max(2000)
          .regex(/^[\x20-\x7e]*$/),
        secret(),
      ]),
    )
    .default({})
    .describe('Headers of every request; a value may be a secret, `{file: …}` or `{env: …}`.'),
  timeoutSeconds: z.number().min(0.1).max(120).default(10).describe('How long one answer is waited for.'),
  requests: z
    .strictObject({
      drain: request.describe('Takes one server out.'),
      restore: request.describe('Puts one server back.'),
      weigh: request
        .optional()
        .describe('Sets the weight of one server: {weight} is `weight` × share, {percent} 0 to 100.'),
      force: request
        .optional()
        .describe('Ends the sessions of one server; needed for `drain.afterwards: force`.'),
    })
    .describe('What is sent, for each server.'),
  sessions: z
    .strictObject(question)
    .optional()
    .describe('Where the number of sessions of a server stands; without it, `drain.waitSeconds` is waited.'),
  state: z
    .strictObject({
      ...question,
      in: values.describe('What stands there when the server is in service.'),
      draining: values.default([]).describe('… when it gets nothing new.'),
      out: values.describe('… when it is out.'),
    })
    .optional()
    .describe('Where the state of a server stands; without it, `inspect` answers `unknown`.'),
  weight: z.int().min(1).max(1_000_000).default(100).describe('The usual weight, for {weight}.'),
} as const;
