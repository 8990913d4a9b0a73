// Segments: who leads them, who is in them, what they are called and where their control messages go. What a node may be in its segment is set with the node.

import { isIP } from 'node:net';
import { z } from 'zod';
import { channelProblem } from '../../model/control-channel-rule.ts';
import { rateLimitSchema } from '../../net/link/rate-limit-schema.ts';
import { defineEndpoint, type Endpoint } from './endpoint.ts';
import { name } from './request-schemas.ts';

const parameters = z.strictObject({ segment: name });

const channel = z
  .strictObject({
    transport: z.enum(['multicast', 'unicast']),
    group: z
      .string()
      .max(45)
      .refine((text) => isIP(text) !== 0, 'must be an address')
      .nullable(),
    port: z.int().min(1).max(65_535),
  })
  .check((context) => {
    const message = channelProblem(context.value);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
  });

export const segmentEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/segments',
    summary: 'All segments, with their leaders and members.',
    roles: ['viewer'],
    handle: (_, { segments }) => segments.list(),
  }),
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/segments/:segment',
    summary: 'One segment.',
    roles: ['viewer'],
    parameters,
    handle: (input, { segments }) => segments.get(input.parameters.segment),
  }),
  defineEndpoint({
    method: 'PATCH',
    path: '/api/v1/segments/:segment',
    summary:
      'Another name, another control channel (the leader takes its members there), another limit of its multicast, or of what it moves between itself and elsewhere (null: none).',
    roles: ['operator'],
    parameters,
    body: z.strictObject({
      name: name.optional(),
      channel: channel.optional(),
      rate: rateLimitSchema.nullable().optional(),
      wanRate: rateLimitSchema.nullable().optional(),
    }),
    handle(input, { registry, segments }) {
      const { principal, body } = input;
      let { segment } = input.parameters;
      registry.segments.get(segment);
      if (body.name !== undefined)
        segment = registry.segments.rename(segment, body.name, principal.name).name;
      if (body.channel !== undefined) registry.segments.setChannel(segment, body.channel, principal.name);
      if (body.rate !== undefined) registry.segments.setRate(segment, body.rate, principal.name);
      if (body.wanRate !== undefined) registry.segments.setWanRate(segment, body.wanRate, principal.name);
      segments.changed();
      return segments.get(segment);
    },
  }),
  defineEndpoint({
    method: 'DELETE',
    path: '/api/v1/segments/:segment',
    summary: 'Removes a segment that no node belongs to.',
    roles: ['operator'],
    parameters,
    status: 204,
    handle: (input, { registry }) => registry.segments.remove(input.parameters.segment, input.principal.name),
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/segments/:segment/ask',
    summary: 'Has the leader report now; answers with the segment as it is then.',
    roles: ['operator'],
    parameters,
    handle: (input, { segments }) => segments.ask(input.parameters.segment, input.signal),
  }),
];
