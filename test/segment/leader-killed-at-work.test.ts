// The leader is killed (SIGKILL) at each phase of a publish: before it hears of it, while it fetches and hands out, when it has staged, and right behind
// the decision. Each time the publish is live on every node, and no node has anything but one whole tree.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import type { ProcessEnd } from '../lab/processes.ts';
import { openBehindLan } from './behind-lan.ts';

const megabyte = 1024 * 1024;

/** Failpoints of the leader's own process; null: it is killed before the push. */
const phases = [
  { phase: 'before the assignment', failpoint: null, bytes: 100 },
  {
    phase: 'while it comes in and is handed out',
    failpoint: 'agent.relay.block-written:9',
    bytes: 4 * megabyte,
  },
  { phase: 'when it has staged', failpoint: 'agent.stage.staged', bytes: megabyte },
  { phase: 'right behind the decision', failpoint: 'agent.live.moved', bytes: megabyte },
] as const;

testNeeding(
  ['netns', 'git'],
  'R7 N38 LEAD-53 LEAD-58 JOB-8: the leader is killed at each phase of a publish, and stays away: the others have it live without it, and it when it is back',
  async (t) => {
    // Without the killed one the others decide: three of four.
    const lab = await openBehindLan(t, 4, { policy: { commit: { count: 3, share: 0.7 } } });
    const { fleet, indexOf } = lab;
    await lab.allBehind();
    await lab.moved();
    await lab.publish({ 'index.html': 'zero\n' });

    for (const { phase, failpoint, bytes } of phases) {
      await t.test(phase, async () => {
        let leader = await lab.allBehind();
        if (failpoint !== null) {
          // Another one is armed, and then has its turn.
          leader = lab.names.find((name) => name !== leader) as string;
          await fleet.restartAgent(indexOf(leader), 'SIGTERM', { TREECAST_FAILPOINT: failpoint });
          await lab.allBehind();
          await fleet.client.nodes.update(leader, { leadRole: 'preassigned' });
          await lab.allBehind(leader);
        }
        const rest = lab.names.filter((name) => name !== leader);
        const tree = await lab.commit({ 'index.html': `${phase}\n`, 'large.bin': randomBytes(bytes) });
        if (failpoint === null) lab.kill(leader);
        const pushed = await lab.push();
        assert.equal(pushed.code, 0, pushed.stderr);
        await lab.live(tree, rest);
        let end: ProcessEnd | undefined;
        void fleet.agentEnd(indexOf(leader)).then((ended) => {
          end = ended;
        });
        await until(`${leader} is killed`, () => end?.signal === 'SIGKILL');
        await fleet.client.nodes.update(leader, { leadRole: 'allowed' });
        await lab.start(leader);
        await lab.live(tree);
        const releases = new Set(lab.names.map(lab.release));
        assert.equal(releases.size, 1, [...releases].join(' '));
      });
    }
    const refused = (await lab.events()).filter(({ kind }) => kind === 'node.report.refused');
    assert.deepEqual(refused, []);
  },
);
