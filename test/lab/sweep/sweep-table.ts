// The sweep's table: in which kinds of work each failpoint is passed, and why not in the others. A test reads the names from the source
// and asks that each is here, and runs every kind of work to see that it passes these.

import { agentRows } from './agent-rows.ts';
import { ccmRows } from './ccm-rows.ts';
import type { SweepRow } from './sweep-row.ts';

export const sweepTable: readonly SweepRow[] = [...agentRows, ...ccmRows];

/** What `ccm init` passes before its token is there; struck in test/faults/init.test.ts. */
export const initFailpoints = [
  'ccm.keys.authority-key-written',
  'ccm.keys.authority-written',
  'ccm.keys.release-key-written',
  'ccm.database.migrated',
  'ccm.setting.written',
  'file.renamed',
  'file.written',
];

/** Passed in no kind of work of the sweep for sure: the test that kills a process there. */
export const struckElsewhere: Readonly<Record<string, string>> = {
  'ccm.keys.release-key-written': 'test/faults/init.test.ts',
  'ccm.certificate.adopted': 'test/e2e/key-kills.test.ts',
  'ccm.content-key.forgotten': 'test/e2e/key-kills.test.ts',
  'agent.segment.remembered': 'src/agent/segment/segment-memory.test.ts',
  'agent.relay.manifest-written': 'src/agent/leader/relay-kills.test.ts',
  'agent.relay.opened': 'src/agent/leader/relay-kills.test.ts',
  'agent.relay.block-written': 'src/agent/leader/relay-kills.test.ts',
  'agent.relay.removed': 'src/agent/leader/relay-kills.test.ts',
  'ccm.tree.measured': 'src/ccm/tree/leader-measures.test.ts',
  'ccm.segment.made': 'test/e2e/segment-kills.test.ts',
  'ccm.segment.node-placed': 'test/e2e/segment-kills.test.ts',
  'ccm.segment.leader-accepted': 'test/e2e/segment-kills.test.ts',
  'ccm.segment.reported': 'test/e2e/segment-kills.test.ts',
};
