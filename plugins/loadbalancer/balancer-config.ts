// The plugin's configuration: a list of balancers, each of one kind. What is decided here is which keys there are; the keys of a kind
// stand beside its driver.

import { z } from 'treecast/plugin';
import { commandKeys } from './command/command-config.ts';
import { envoyKeys } from './envoy/envoy-config.ts';
import { haproxyKeys } from './haproxy/haproxy-config.ts';
import { httpKeys } from './http/http-config.ts';
import { nginxKeys } from './nginx/nginx-config.ts';

const siteName = z.string().regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/, 'is no name of a site');

const keysOfAll = {
  name: z
    .string()
    .regex(
      /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/,
      'is not a name: lower-case letters, digits, dots and dashes',
    )
    .describe('What this balancer is called in messages.'),
  sites: z
    .array(siteName)
    .min(1)
    .max(10_000)
    .optional()
    .describe('The sites whose nodes are taken out here; default: all of the plugin.'),
  required: z
    .boolean()
    .default(false)
    .describe(
      'Whether a node that this balancer does not have is an error; otherwise there is nothing to do for it.',
    ),
  drain: z
    .strictObject({
      waitSeconds: z
        .number()
        .min(0)
        .max(3000)
        .default(30)
        .describe('How long sessions are waited for; less than `timeouts.drain`, which is 180.'),
      afterwards: z
        .enum(['force', 'hold'])
        .default('hold')
        .describe(
          'With sessions left after that: `force` ends them and goes on; `hold` puts the node back and reports how many there are.',
        ),
      sessionsMax: z
        .int()
        .min(0)
        .max(1_000_000)
        .default(0)
        .describe('As many sessions of a server may be left.'),
    })
    .prefault({})
    .describe('What to wait for when a node is taken out.'),
  restore: z
    .strictObject({
      waitSeconds: z
        .number()
        .min(0)
        .max(3000)
        .default(20)
        .describe(
          'How long the balancer’s own health check is waited for after a node was put back; less than `timeouts.restore`, which is 60.',
        ),
    })
    .prefault({})
    .describe('What to wait for when a node is put back.'),
} as const;

const balancerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...keysOfAll, ...haproxyKeys }),
  z.strictObject({ ...keysOfAll, ...nginxKeys }),
  z.strictObject({ ...keysOfAll, ...envoyKeys }),
  z.strictObject({ ...keysOfAll, ...httpKeys }),
  z.strictObject({ ...keysOfAll, ...commandKeys }),
]);

export const loadbalancerConfig = z.strictObject({
  balancers: z
    .array(balancerSchema)
    .min(1)
    .max(64)
    .superRefine((balancers, context) => {
      balancers.forEach(({ name }, index) => {
        if (balancers.findIndex((other) => other.name === name) !== index)
          context.addIssue({ code: 'custom', path: [index, 'name'], message: `${name} is there twice` });
      });
      balancers.forEach((balancer, index) => {
        const cannotForce =
          balancer.kind === 'envoy' ||
          (balancer.kind === 'http' && balancer.requests.force === undefined) ||
          (balancer.kind === 'command' && balancer.commands.force === undefined) ||
          (balancer.kind === 'nginx' && balancer.pidFile === null);
        if (balancer.drain.afterwards === 'force' && cannotForce)
          context.addIssue({
            code: 'custom',
            path: [index, 'drain', 'afterwards'],
            message: `${balancer.name} has no means to end sessions: configure one (requests.force, commands.force, pidFile) or hold`,
          });
        if (balancer.kind !== 'nginx' && balancer.kind !== 'envoy') return;
        const same = balancers.findIndex((other) => 'file' in other && other.file === balancer.file);
        if (same !== index)
          context.addIssue({
            code: 'custom',
            path: [index, 'file'],
            message: `${balancer.file} belongs to another balancer`,
          });
      });
    })
    .describe('The load balancers in front of the nodes.'),
});

export type BalancerConfig = z.output<typeof balancerSchema>;
