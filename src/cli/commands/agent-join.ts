// Joins an agent to a CCM with a one-time token.

import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { type ListenAddress, parseListenAddress } from '../../net/http/listen-address.ts';
import { type AgentConfigurationInput, joinAgent } from '../agent-entry.ts';
import { defineCommand } from '../command.ts';
import { labels, listenAddress, name } from '../input-schemas.ts';

export const agentJoin = defineCommand({
  name: 'agent join',
  summary: 'join this server to a CCM, with a one-time token',
  details:
    'The token carries the address of the CCM and the fingerprint of its CA; the agent refuses any other CA.\nThe private key is made here and never leaves the directory.',
  arguments: [{ name: 'token', summary: 'a token from `treecast node join-token`' }],
  options: [
    { flags: '--dir <directory>', summary: 'the state directory of the agent' },
    { flags: '--name <node>', summary: 'the name of the node (default: the host name)' },
    {
      flags: '--label <label>',
      summary: 'KEY=VALUE, for group selectors; may be repeated',
      repeatable: true,
    },
    {
      flags: '--via <host:port>',
      summary: 'a node of this CCM that lets this one through, when the CCM cannot be reached from here',
    },
    { flags: '--serve <host:port>', summary: 'serve the live tree over HTTP there with the built-in server' },
  ],
  examples: [
    {
      line: 'treecast agent join tcj_… --dir /var/lib/treecast',
      explanation: 'then: treecast agent run --dir /var/lib/treecast',
    },
    {
      line: 'treecast agent join tcj_… --dir a --name web1 --serve 127.0.0.1:8080',
      explanation: 'with the built-in server',
    },
  ],
  kind: 'local',
  exits: ['ok', 'failed', 'refused', 'unreachable'],
  json: '`{"node","ccm","directory"}`.',
  input: z.strictObject({
    token: z.string().min(1).max(4000),
    dir: z.string().min(1),
    name: name.optional(),
    label: labels.optional(),
    serve: listenAddress.optional(),
    via: listenAddress.transform((text) => parseListenAddress(text) as ListenAddress).optional(),
  }),
  async run({ token, dir, name: node, label, serve, via }, { cwd, output }) {
    const directory = resolve(cwd, dir);
    const configuration: AgentConfigurationInput = {
      ...(label === undefined ? {} : { labels: label }),
      ...(serve === undefined ? {} : { serve: { listen: serve } }),
    };
    const joined = await joinAgent({
      directory,
      token,
      name: node ?? nameOfThisHost(),
      ...(via === undefined ? {} : { via: { address: via.host, port: via.port } }),
      // Nothing given: an agent.yaml that is there stays.
      ...(Object.keys(configuration).length === 0 ? {} : { configuration }),
    });
    output.answer({ node: joined.name, ccm: joined.ccmUrl, directory }, () => [
      `Joined ${joined.ccmUrl} as ${joined.name}.`,
      `Start it: treecast agent run --dir ${dir}`,
    ]);
  },
});

/** `Web-1.example.org` → `web-1`. */
function nameOfThisHost(): string {
  const [first = ''] = hostname().toLowerCase().split('.');
  return first
    .replace(/[^a-z0-9_-]/g, '-')
    .slice(0, 64)
    .replace(/^[_-]+|[_-]+$/g, '');
}
