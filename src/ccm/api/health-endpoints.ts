// Is it alive, and can it work? Asked by monitors and balancers, without a token.

import type { HealthResource } from '../../model/api.ts';
import { defineEndpoint, type Endpoint } from './endpoint.ts';

export const healthEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: 'GET',
    path: '/healthz',
    summary: 'Answers as long as the process lives.',
    roles: 'open',
    handle: (_, { version }): HealthResource => ({ status: 'ok', version }),
  }),
  defineEndpoint({
    method: 'GET',
    path: '/readyz',
    summary: 'Answers 200 when the CCM can take jobs, else 503.',
    roles: 'open',
    handle(_, { requireReady, version }): HealthResource {
      requireReady();
      return { status: 'ok', version };
    },
  }),
];
