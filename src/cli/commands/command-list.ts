// All commands, in the order of the help.

import type { CliCommand } from '../command.ts';
import { agentJoin } from './agent-join.ts';
import { agentRun } from './agent-run.ts';
import { assignmentInspect } from './assignment-inspect.ts';
import { balancerDrain } from './balancer-drain.ts';
import { balancerRestore } from './balancer-restore.ts';
import { balancerShow } from './balancer-show.ts';
import { balancerWeigh } from './balancer-weigh.ts';
import { ccmBackup } from './ccm-backup.ts';
import { ccmInit } from './ccm-init.ts';
import { ccmRun } from './ccm-run.ts';
import { ccmToken } from './ccm-token.ts';
import { configCheck } from './config-check.ts';
import { configSchema } from './config-schema.ts';
import { doctor } from './doctor.ts';
import { groupAdd } from './group-add.ts';
import { groupList } from './group-list.ts';
import { groupRemove } from './group-remove.ts';
import { groupSet } from './group-set.ts';
import { groupSetOrder } from './group-set-order.ts';
import { groupShow } from './group-show.ts';
import { jobAbort } from './job-abort.ts';
import { jobList } from './job-list.ts';
import { jobShow } from './job-show.ts';
import { keyList } from './key-list.ts';
import { keyRotate } from './key-rotate.ts';
import { nodeJoinToken } from './node-join-token.ts';
import { nodeList } from './node-list.ts';
import { nodeMaintenance } from './node-maintenance.ts';
import { nodeRemove } from './node-remove.ts';
import { nodeShow } from './node-show.ts';
import { pluginCreate } from './plugin-create.ts';
import { pluginList } from './plugin-list.ts';
import { pluginRetry } from './plugin-retry.ts';
import { pluginTasks } from './plugin-tasks.ts';
import { pluginTest } from './plugin-test.ts';
import { publish } from './publish.ts';
import { rollback } from './rollback.ts';
import { segmentAssign } from './segment-assign.ts';
import { segmentExclude } from './segment-exclude.ts';
import { segmentList } from './segment-list.ts';
import { segmentRemove } from './segment-remove.ts';
import { segmentRename } from './segment-rename.ts';
import { segmentSetControlChannel } from './segment-set-control-channel.ts';
import { segmentSetLeader } from './segment-set-leader.ts';
import { segmentSetRate } from './segment-set-rate.ts';
import { segmentShow } from './segment-show.ts';
import { segmentWeigh } from './segment-weigh.ts';
import { simulateElection } from './simulate-election.ts';
import { simulateMctp } from './simulate-mctp.ts';
import { simulateTree } from './simulate-tree.ts';
import { siteAdd } from './site-add.ts';
import { siteList } from './site-list.ts';
import { siteRemove } from './site-remove.ts';
import { siteSet } from './site-set.ts';
import { siteShow } from './site-show.ts';
import { status } from './status.ts';
import { tokenCreate } from './token-create.ts';
import { tokenList } from './token-list.ts';
import { tokenRevoke } from './token-revoke.ts';
import { treeShow } from './tree-show.ts';
import { up } from './up.ts';
import { verify } from './verify.ts';

export const commands: readonly CliCommand[] = [
  up,
  publish,
  rollback,
  status,
  verify,
  jobList,
  jobShow,
  jobAbort,
  treeShow,
  siteAdd,
  siteList,
  siteShow,
  siteSet,
  siteRemove,
  groupAdd,
  groupList,
  groupShow,
  groupSet,
  groupSetOrder,
  groupRemove,
  nodeList,
  nodeShow,
  nodeMaintenance,
  nodeRemove,
  nodeJoinToken,
  segmentList,
  segmentShow,
  segmentRename,
  segmentSetLeader,
  segmentExclude,
  segmentWeigh,
  segmentAssign,
  segmentSetControlChannel,
  segmentSetRate,
  segmentRemove,
  keyList,
  keyRotate,
  balancerShow,
  balancerDrain,
  balancerRestore,
  balancerWeigh,
  pluginList,
  pluginTasks,
  pluginRetry,
  pluginCreate,
  pluginTest,
  tokenCreate,
  tokenList,
  tokenRevoke,
  ccmInit,
  ccmRun,
  ccmBackup,
  ccmToken,
  agentJoin,
  agentRun,
  assignmentInspect,
  configCheck,
  configSchema,
  simulateElection,
  simulateMctp,
  simulateTree,
  doctor,
];
