// A relay of the tree dies when it has a share of what is pushed: killed (SIGKILL), or its site's link cut without a word. What that costs the others beside
// the same push without it, in bytes, and in time beyond what it takes them to notice.

import { readFile } from 'node:fs/promises';
import type { TreeAssignmentResource, TreeLeaderResource } from '../../src/model/tree-resource.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { logOf } from '../../test/lab/program-fleet.ts';
import { rounded } from '../push-to-live/figures.ts';
import { lastHeldAt, type Published, type TreeCase } from './tree-case.ts';

export type Death = 'kill' | 'cut';

export interface KillOptions {
  readonly bytes: number;
  readonly percent: number;
  readonly death: Death;
  /** A push in which nobody died. */
  readonly without: Published;
}

const untilMs = 120_000;

/** The fleet is whole again when it resolves. */
export async function measureKill(tree: TreeCase, { bytes, percent, death, without }: KillOptions) {
  const { wan } = tree;
  const { fleet, names } = wan;
  const policy = { commit: { count: names.length - 1, share: 0.5 } } as const;
  await fleet.client.sites.update(fleet.site, { policy });
  let victim = '';
  let diedAt = 0;
  const run = await tree.publish(bytes, async (id) => {
    let shown: TreeAssignmentResource | undefined;
    await until(
      () => `a relay has ${percent} %: ${JSON.stringify(shown)}`,
      async () => {
        if (victim === '') {
          shown = await wan.treeOf(id);
          victim = relayOf(shown?.leaders ?? []) ?? '';
        }
        return (
          shown !== undefined &&
          victim !== '' &&
          (await wan.relayBytes(victim, shown.assignment)) >= (bytes * percent) / 100
        );
      },
      untilMs,
    );
    diedAt = Date.now();
    if (death === 'kill') process.kill(fleet.agentPid(wan.indexOf(victim)), 'SIGKILL');
    else await siteOf(tree, victim).cut();
    return victim;
  });
  const others = names.filter((name) => name !== victim);
  const sum = ({ received }: Published): number =>
    others.reduce((all, name) => all + (received.get(name) as number), 0);
  const noticedAt = await firstToNotice(tree, others, victim, diedAt);
  const survivors = new Map([...run.heldAt].filter(([name]) => name !== victim));
  if (survivors.size !== others.length) throw new Error(`only ${survivors.size} hold it without ${victim}`);
  const seconds = (Math.max(...survivors.values()) - run.toldAt) / 1000;
  const detection = noticedAt === null ? 0 : (noticedAt - diedAt) / 1000;
  const plain = (lastHeldAt(without) - without.toldAt) / 1000;
  if (death === 'kill') await fleet.restartAgent(wan.indexOf(victim), 'SIGKILL');
  else await siteOf(tree, victim).heal();
  await wan.allBehind();
  return {
    death,
    at_percent: percent,
    seconds: rounded(seconds),
    without_s: rounded(plain),
    detection_s: rounded(detection),
    extra_s: rounded(seconds - plain - detection),
    extra_bytes_share: rounded(sum(run) / sum(without) - 1),
    ccm_egress_ratio: rounded(run.ccmSent / bytes),
  };
}

/** Somebody fetches from it, and it does not fetch from the CCM itself. */
function relayOf(leaders: readonly TreeLeaderResource[]): string | undefined {
  return leaders.find(
    ({ children, sources }) => children.length > 0 && sources.every(({ node }) => node !== null),
  )?.node;
}

function siteOf({ wan }: TreeCase, node: string) {
  const segment = wan.segments.find(({ nodes }) => nodes.includes(node));
  if (segment === undefined) throw new Error(`${node} is at no site`);
  return segment.site;
}

/** By the others' logs; null: nobody fetched from it any more. */
async function firstToNotice(
  { wan }: TreeCase,
  others: readonly string[],
  victim: string,
  diedAt: number,
): Promise<number | null> {
  let first: number | null = null;
  for (const name of others) {
    for (const line of (await readFile(logOf(wan.home, name), 'utf8')).split('\n')) {
      if (!line.includes('a source of the tree is given up')) continue;
      const { time, source } = JSON.parse(line) as { time: number; source: string | null };
      if (source === victim && time >= diedAt) first = Math.min(first ?? time, time);
    }
  }
  return first;
}
