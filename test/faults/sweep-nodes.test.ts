// Nodes that were away, are new or join, with the CCM or the agent killed on the way.

import { sweep } from '../lab/sweep/sweep.ts';

sweep(['synchronize', 'replicate', 'join']);
