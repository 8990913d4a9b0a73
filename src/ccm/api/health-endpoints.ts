// Is it alive, and can it work? Asked by monitors and balancers, without a token.

import type { HealthResource } from '../../model/api.ts';
import { TreecastError } from '../../model/treecast-error.ts';
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
    handle(_, { isReady, registry, version }): HealthResource {
      // Reads the database: a CCM that has lost its disk is not ready.
      registry.events.newestId();
      if (isReady()) return { status: 'ok', version };
      throw new TreecastError('DEFERRED', 'The CCM is starting or stopping.', {
        fix: 'Ask again in a few seconds.',
      });
    },
  }),
];
