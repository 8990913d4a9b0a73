// What the groups of commands are for, as help tells it.

export const groupSummaries: Readonly<Record<string, string>> = {
  job: 'look at jobs and abort them',
  site: 'sites: repository, branch, group, policies',
  group: 'content groups: which nodes receive which sites',
  node: 'nodes: the servers',
  key: 'the CCM’s keys, and how they are rotated',
  balancer: 'take nodes out of load balancers and put them back',
  plugin: 'plugins: what they owe; write and test one',
  token: 'tokens of authors and operators',
  ccm: 'make, run and back up a CCM',
  agent: 'join and run the agent of a server',
  assignment: 'look into assignments',
  config: 'configuration files',
  simulate: 'the protocols in virtual time, under faults',
};
