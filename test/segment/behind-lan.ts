// Whole agents and a CCM on a LAN of namespaces, each node behind its segment's leader: waits for that, publishes, and says what became of a publish
// and how much the CCM sent for it.

import assert from 'node:assert/strict';
import { existsSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor, type GitResult } from '../lab/author.ts';
import type { LanHost } from '../lab/lan.ts';
import type { FleetConfiguration } from '../lab/program-fleet.ts';
import { createSegmentFleet, type SegmentFleet } from '../lab/segment-fleet.ts';

export interface BehindLan extends SegmentFleet {
  readonly author: Author;
  /** Resolves with the leader once it has a link of its own and all others of these (all of the fleet) are behind it, or behind that one. */
  allBehind(leader?: string, nodes?: readonly string[]): Promise<string>;
  /** A commit of these files; its tree. */
  commit(files: Readonly<Record<string, string | Buffer>>): Promise<string>;
  push(): Promise<GitResult>;
  /** Commits and pushes; resolves with the tree when each of these (all of the fleet) has it live by the node's own word. */
  publish(files: Readonly<Record<string, string | Buffer>>, nodes?: readonly string[]): Promise<string>;
  live(tree: string, nodes?: readonly string[]): Promise<void>;
  /** What `live` names in the node's own directory. */
  release(node: string): string | null;
  /** Bytes that left the CCM's interface so far. */
  ccmSent(): Promise<number>;
}

const untilMs = 60_000;

export async function openBehindLan(
  t: TestContext,
  members: number,
  configuration: FleetConfiguration = {},
): Promise<BehindLan> {
  const author = await createAuthor();
  t.after(() => author.remove());
  const lab = await createSegmentFleet(members, configuration);
  t.after(lab.close);
  const { client, site, remote } = lab.fleet;

  async function allBehind(wanted?: string, nodes = lab.names): Promise<string> {
    let leader: string | undefined;
    let seen = '';
    await until(
      () => `${nodes.join(', ')} are behind ${wanted ?? 'their leader'}: ${seen}`,
      async () => {
        const found = (await client.nodes.list()).filter(({ name }) => nodes.includes(name));
        const accepted = (await client.segments.list()).flatMap(({ leader: its }) => its?.node ?? []);
        const leaders = new Set(found.flatMap(({ behind }) => behind?.leader ?? []));
        seen = JSON.stringify([
          accepted,
          found.map(({ name, connected, behind }) => [name, connected, behind?.leader]),
        ]);
        // A segment of one is led by that one.
        leader = nodes.length === 1 ? nodes[0] : [...leaders][0];
        return (
          leaders.size === (nodes.length === 1 ? 0 : 1) &&
          (wanted === undefined || leader === wanted) &&
          accepted.includes(leader as string) &&
          found.every(({ name, connected, behind }) => connected && (behind === null) === (name === leader))
        );
      },
      untilMs,
    );
    return leader as string;
  }

  async function live(tree: string, nodes = lab.names): Promise<void> {
    let seen = '';
    await until(
      () => `${nodes.join(', ')} have ${tree}: ${seen}`,
      async () => {
        const rows = (await lab.fleet.verify()).nodes;
        seen = JSON.stringify(rows);
        return nodes.every((node) => rows.some((row) => row.name === node && row.ok && row.tree === tree));
      },
      untilMs,
    );
  }

  async function commit(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
    for (const [path, content] of Object.entries(files)) await author.write(path, content);
    return author.commit();
  }

  return {
    ...lab,
    author,
    allBehind,
    commit,
    push: () => author.push(remote),
    async publish(files, nodes) {
      const tree = await commit(files);
      const pushed = await author.push(remote);
      assert.equal(pushed.code, 0, pushed.stderr);
      await live(tree, nodes);
      return tree;
    },
    live,
    release(node) {
      const link = join(lab.home, node, 'sites', site, 'live');
      return existsSync(link) ? readlinkSync(link) : null;
    },
    async ccmSent() {
      const text = await (lab.lan.hosts[0] as LanHost).run('cat', [
        '/sys/class/net/eth0/statistics/tx_bytes',
      ]);
      return Number(text);
    },
  };
}
