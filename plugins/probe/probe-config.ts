// What is checked on a node after a switch, as an operator writes it.

import { z } from 'treecast/plugin';
import { patternProblem } from './text-pattern.ts';

const pattern = z
  .string()
  .min(1)
  .max(1000)
  .superRefine((text, context) => {
    const message = patternProblem(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'is no name of a header');
const headerText = z
  .string()
  .max(2000)
  .regex(/^[\t\x20-\x7e]*$/, 'has characters that a header cannot carry');

const header = z
  .strictObject({
    name: headerName.describe('The header of the answer.'),
    equals: z
      .string()
      .max(1000)
      .optional()
      .describe(
        'Its whole value; `{tree}` and `{release}` stand for those of the tree that was switched to.',
      ),
    matches: pattern.optional().describe('A part of its value, or a `/pattern/`; the same placeholders.'),
  })
  .refine(({ equals, matches }) => (equals === undefined) !== (matches === undefined), {
    error: 'needs either `equals` or `matches`',
  });

const http = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL, such as http://127.0.0.1:8080/' })
    .max(2000)
    .refine((url) => !URL.canParse(url) || new URL(url).username === '', 'must hold no user and password')
    .describe('What is asked for, on this node.'),
  host: z
    .string()
    .regex(/^[A-Za-z0-9.:[\]_-]{1,255}$/, 'is no host name')
    .optional()
    .describe('The Host header (and TLS name): which virtual host is meant. Default: that of the URL.'),
  method: z.enum(['GET', 'HEAD', 'POST', 'OPTIONS']).default('GET').describe('The method.'),
  requestHeaders: z
    .record(headerName, headerText)
    .default({})
    .describe('Headers to send, such as `x-forwarded-proto: https`.'),
  statuses: z
    .array(z.int().min(100).max(599))
    .min(1)
    .max(100)
    .default([200])
    .describe('The statuses that are fine.'),
  bodyMatches: pattern
    .optional()
    .describe(
      'A text that the first MiB of the body must hold, or a `/pattern/` with the flags i, m, s and u; `{tree}` and `{release}` as in `header`.',
    ),
  header: header.optional().describe('A header that the answer must have.'),
  redirects: z
    .int()
    .min(0)
    .max(5)
    .default(0)
    .describe(
      'How many redirects within the same host are followed. With 0 a redirect is an answer like others.',
    ),
});

const command = z.strictObject({
  program: z.string().min(1).max(1000).describe('A program, by name or absolute path; run without a shell.'),
  args: z
    .array(z.string().max(4000))
    .max(100)
    .default([])
    .describe(
      'Its arguments; `{site}`, `{tree}`, `{release}` and `{directory}` stand for those of the switch.',
    ),
  exitCodes: z
    .array(z.int().min(0).max(255))
    .min(1)
    .max(50)
    .default([0])
    .describe('The exit codes that are fine.'),
});

const check = z
  .strictObject({
    name: z.string().min(1).max(100).optional().describe('What it is called in messages.'),
    http: http.optional().describe('A request to a server on this node.'),
    command: command.optional().describe('A program that judges.'),
    attempts: z.int().min(1).max(100).default(3).describe('How often it is tried before it has failed.'),
    everySeconds: z.number().min(0).max(300).default(1).describe('The time between two attempts.'),
    timeoutSeconds: z.number().positive().max(300).default(5).describe('The limit of one attempt.'),
  })
  .refine((one) => (one.http === undefined) !== (one.command === undefined), {
    error: 'needs either `http` or `command`',
  });

export const probeConfigSchema = z.strictObject({
  checks: z.array(check).min(1).max(50).describe('All of them must pass; they run side by side.'),
  switchBack: z
    .boolean()
    .default(false)
    .describe('Whether a failure returns this node to its former tree; otherwise it is reported as stale.'),
});

export type ProbeConfig = z.output<typeof probeConfigSchema>;
export type Check = z.output<typeof check>;
export type HttpCheck = z.output<typeof http>;
export type CommandCheck = z.output<typeof command>;
