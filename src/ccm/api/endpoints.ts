// The whole API as one table, in the order in which it is documented.

import type { Endpoint } from './endpoint.ts';
import { eventEndpoints } from './event-endpoints.ts';
import { groupEndpoints } from './group-endpoints.ts';
import { healthEndpoints } from './health-endpoints.ts';
import { jobEndpoints } from './job-endpoints.ts';
import { keyEndpoints } from './key-endpoints.ts';
import { nodeEndpoints } from './node-endpoints.ts';
import { pluginEndpoints } from './plugin-endpoints.ts';
import { segmentEndpoints } from './segment-endpoints.ts';
import { siteEndpoints } from './site-endpoints.ts';
import { tokenEndpoints } from './token-endpoints.ts';

export const endpoints: readonly Endpoint[] = [
  ...healthEndpoints,
  ...siteEndpoints,
  ...groupEndpoints,
  ...nodeEndpoints,
  ...segmentEndpoints,
  ...keyEndpoints,
  ...tokenEndpoints,
  ...jobEndpoints,
  ...pluginEndpoints,
  ...eventEndpoints,
];
