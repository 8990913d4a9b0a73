// The leader of four is killed (SIGKILL) at phases of a publish, and stays away. Each time the publish is live on the others, on the killed one when it
// is back, and no node has anything but one whole tree.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import type { ProcessEnd } from '../lab/processes.ts';
import { openBehindLan } from './behind-lan.ts';

export interface Phase {
  readonly phase: string;
  /** Of the leader's own process; null: it is killed before the push. */
  readonly failpoint: string | null;
  readonly bytes: number;
}

export async function killAtPhases(t: TestContext, phases: readonly Phase[]): Promise<void> {
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
}
