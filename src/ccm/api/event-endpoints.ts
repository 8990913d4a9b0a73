// The event log by pages. Live events come over the WebSocket at the same path (events-socket.ts).

import { z } from 'zod';
import { defineEndpoint, type Endpoint } from './endpoint.ts';
import { limit, wholeNumberText } from './request-schemas.ts';

export const eventEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/events',
    summary: 'Events after the one with this id, oldest first.',
    roles: ['viewer'],
    query: z.strictObject({ after: wholeNumberText.default(0), limit }),
    handle: ({ query }, { registry }) => registry.events.page(query),
  }),
];
