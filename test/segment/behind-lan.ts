// Whole agents and a CCM on a LAN of namespaces, each node behind its segment's leader: waits for that, publishes, and says what became of a publish
// and how much the CCM sent for it.

import assert from 'node:assert/strict';
import { existsSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Author, createAuthor, type GitResult } from '../lab/author.ts';
import type { LanHost } from '../lab/lan.ts';
import type { FleetConfiguration } from '../lab/program-fleet.ts';
import { createSegmentFleet, type SegmentFleet } from '../lab/segment-fleet.ts';
import { untilBehind } from '../lab/until-behind.ts';
import { untilLive } from '../lab/until-live.ts';

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

export async function openBehindLan(
  t: TestContext,
  members: number,
  configuration: FleetConfiguration = {},
): Promise<BehindLan> {
  const author = await createAuthor();
  t.after(() => author.remove());
  const lab = await createSegmentFleet(members, configuration);
  t.after(lab.close);
  const { site, remote } = lab.fleet;

  const allBehind: BehindLan['allBehind'] = (leader, nodes = lab.names) =>
    untilBehind(lab.fleet, { nodes, leader });
  const live: BehindLan['live'] = (tree, nodes = lab.names) => untilLive(lab.fleet, tree, nodes);

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
    ccmSent: async () => (await (lab.lan.hosts[0] as LanHost).traffic()).sent,
  };
}
