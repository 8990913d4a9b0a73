// Rolling back, aborting, and staging that meets changed files, with the CCM or an agent killed on the way.

import { sweep } from '../lab/sweep/sweep.ts';

sweep(['rollback', 'abort', 'restage', 'mend']);
