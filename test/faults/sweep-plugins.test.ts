// Publishing with plugins that write twins, follow switches, refuse, send a node back and owe calls, killed behind each durable effect of theirs.

import { sweep } from '../lab/sweep/sweep.ts';

sweep(['publish-plugins', 'fail-plugins', 'switch-back', 'replicate-plugins']);
