// Whole agents and a CCM on this machine, as installed: they find their leader, the CCM is told, and a killed or stopped leader is replaced.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SegmentResource } from '../../src/model/api.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { loopbackPlaces } from '../lab/places.ts';
import { createFleet } from '../lab/program-fleet.ts';

const untilMs = 45_000;

test('R5.4 CHAN-20: agents report their segment; a leader that is killed, or stopped, is replaced; a node comes back into its segment', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-segment-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const group = `239.255.${process.pid % 250}.${(process.pid >> 8) % 250}`;
  const fleet = await createFleet(directory, loopbackPlaces(1)[0] as never, loopbackPlaces(3), {
    logLevel: 'error',
    agent: () => ({ segment: { group } }),
  });
  t.after(() => fleet.close());

  async function segment(what: string, holds: (found: SegmentResource) => boolean): Promise<SegmentResource> {
    let found: readonly SegmentResource[] = [];
    await until(
      () => `${what}: ${JSON.stringify(found)}`,
      async () => {
        found = await fleet.client.segments.list();
        return found.length === 1 && holds(found[0] as SegmentResource);
      },
      untilMs,
    );
    return found[0] as SegmentResource;
  }
  const online = ({ members }: SegmentResource): number =>
    members.filter((member) => member.state !== 'offline').length;

  const first = await segment('all are in', (found) => found.leader !== null && online(found) === 3);
  const killed = first.leader?.node as string;
  const indexOf = (node: string): number => Number(node.replace('node', '')) - 1;
  const remembered = (node: string) =>
    JSON.parse(readFileSync(join(directory, node, 'segment', 'segment.json'), 'utf8')) as {
      boot: number;
      segment: string;
    };
  await until(
    'it is in the segment that it was given',
    () => remembered(killed).segment === first.id,
    untilMs,
  );
  const { boot } = remembered(killed);

  await fleet.restartAgent(indexOf(killed), 'SIGKILL');
  const second = await segment('all are in again', (found) => found.leader !== null && online(found) === 3);
  assert.equal(second.id, first.id);
  await until('it counts its starts', () => remembered(killed).boot > boot, untilMs);
  assert.equal(remembered(killed).segment, first.id);

  const stopped = second.leader?.node as string;
  await fleet.restartAgent(indexOf(stopped), 'SIGTERM');
  await segment('all are in once more', (found) => found.leader !== null && online(found) === 3);
});
