// A leader that dies while its members take a publish from it: what they hold counts, and the publish comes to its end.

import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import { untilLive } from '../lab/until-live.ts';
import { openBehindLab } from './behind-lab.ts';

test('R8.3 N38 LEAD-53 LEAD-58: a leader that is killed while its members take a large publish from it costs no node the publish', async (t) => {
  const lab = await openBehindLab(t, 3);
  const { client, site } = lab.fleet;
  const leader = await lab.allBehind();
  await lab.publish({ 'index.html': 'one\n' });
  for (let index = 0; index < 24; index += 1) await lab.author.write(`${index}.bin`, randomBytes(524_288));
  const tree = await lab.author.commit();
  const pushing = lab.author.push(lab.fleet.remote);
  await until(
    'a member receives',
    async () => {
      const { nodes } = await client.sites.status(site);
      // On a fast machine it may be over by then.
      return nodes.some(
        ({ node, phase, liveTree }) =>
          node !== leader && (phase === 'receiving' || phase === 'held' || liveTree === tree),
      );
    },
    45_000,
  );
  process.kill(lab.fleet.agentPid(lab.indexOf(leader)), 'SIGKILL');
  await lab.fleet.restartAgent(lab.indexOf(leader), 'SIGKILL');
  await pushing;
  // Whether it waited for the killed one or was tried again, it is published by itself.
  await untilLive(lab.fleet, tree);
  await lab.allBehind();
});
