// A balancer that cannot be asked just now: being reloaded or restarted, overloaded, gone. Asking again soon may help, so waits go on;
// everything else that is wrong ends them.

import { PluginError } from 'treecast/plugin';

export class BalancerAway extends PluginError {}
