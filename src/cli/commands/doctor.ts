// Looks for what would keep Treecast from working here, and says what to do about it.

import { resolve } from 'node:path';
import { z } from 'zod';
import { bytesPerMbit } from '../../model/rate-limit.ts';
import { networkFindings } from '../agent-entry.ts';
import { defineCommand } from '../command.ts';
import { ccmChecks } from '../doctor/ccm-checks.ts';
import { runChecks } from '../doctor/check.ts';
import { machineChecks } from '../doctor/machine-checks.ts';
import { mbitRate, port } from '../input-schemas.ts';
import { printable } from '../printable.ts';

/** What a LAN of today carries beside its work for a second. */
const mbitDefault = 100;

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'check this machine and the way to the CCM; says what to do about each finding',
  details:
    'Each check is ok, warn or fail. The exit code is 1 when one fails. `doctor network`, on a server: the interface, multicast, ports and others of its segment.',
  arguments: [{ name: 'part', summary: 'network: what a node of a segment needs', optional: true }],
  options: [
    {
      flags: '--dir <directory>',
      summary:
        'the state directory whose disk is checked (default: ./treecast-data); with `network` the agent’s',
    },
    { flags: '--port <port>', summary: 'a port that should be free here; may be repeated', repeatable: true },
    { flags: '--offline', summary: 'this machine only' },
    { flags: '--interface <interface>', summary: 'with `network`: try this one, by name or address' },
    {
      flags: '--throughput',
      summary:
        'with `network`: measure what the network carries by multicast to others; the agent must be stopped',
    },
    {
      flags: '--mbit <mbit>',
      summary:
        'with `--throughput`: no more than so many Mbit/s (100); a segment’s limit is kept in any case',
    },
  ],
  examples: [
    { line: 'treecast doctor', explanation: 'Node, Git, disk, context, CCM, clock, token, nodes, segments' },
    {
      line: 'treecast doctor --offline --port 7070 --port 7443',
      explanation: 'before a CCM is started here',
    },
    {
      line: 'treecast doctor network --dir /var/lib/treecast',
      explanation: 'on a server; stop its agent first to test with others',
    },
    {
      line: 'treecast doctor network --throughput --dir /var/lib/treecast',
      explanation: 'bursts of two seconds in all; rate, loss, receive buffers and drops at the others',
    },
  ],
  kind: 'api',
  exits: ['ok', 'failed'],
  json: '`{"checks":[{"name","outcome":"ok|warn|fail","message","fix"?}]}`.',
  input: z
    .strictObject({
      part: z.literal('network').optional(),
      dir: z.string().min(1).default('treecast-data'),
      port: z.array(port).default([]),
      offline: z.boolean().default(false),
      interface: z.string().min(1).optional(),
      throughput: z.boolean().default(false),
      mbit: mbitRate.optional(),
    })
    .refine(({ part, throughput }) => part === 'network' || !throughput, {
      path: ['throughput'],
      message: 'Belongs to `doctor network`',
    })
    .refine(({ throughput, mbit }) => throughput || mbit === undefined, {
      path: ['mbit'],
      message: 'Belongs to --throughput',
    }),
  async run(
    { part, dir, port: ports, offline, interface: wanted, throughput, mbit = mbitDefault },
    { client, connection, cwd, env, output },
  ) {
    const directory = resolve(cwd, dir);
    const results =
      part === 'network'
        ? await networkFindings(directory, {
            wanted,
            throughput: throughput ? { bytesPerSecondMax: mbit * bytesPerMbit, say: output.note } : undefined,
          })
        : await runChecks([
            ...machineChecks({ directory, env, ports }),
            ...(offline ? [] : ccmChecks(connection, client)),
          ]);
    const { style } = output;
    const paint = { ok: style.good, warn: style.warn, fail: style.bad };
    const width = Math.max(...results.map(({ name }) => name.length));
    output.answer({ checks: results }, () =>
      results.flatMap(({ name, outcome, message, fix }) => [
        `${paint[outcome](outcome.padEnd(4))}  ${name.padEnd(width)}  ${printable(message)}`,
        ...(fix === undefined ? [] : [`      ${' '.repeat(width)}  fix: ${printable(fix)}`]),
      ]),
    );
    return results.some(({ outcome }) => outcome === 'fail') ? 'failed' : 'ok';
  },
});
