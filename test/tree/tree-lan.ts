// A fleet of three segments of three, every site behind a link of its own, and an author who pushes to it.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Author, createAuthor } from '../lab/author.ts';
import type { FleetConfiguration } from '../lab/program-fleet.ts';
import { untilLive } from '../lab/until-live.ts';
import { createWanFleet, type WanFleet } from '../lab/wan-fleet.ts';

export interface TreeLan extends WanFleet {
  readonly author: Author;
  /** A commit of these files; its tree. */
  commit(files: Readonly<Record<string, string | Buffer>>): Promise<string>;
  /** Pushes the newest commit; fails the test when Git fails. */
  push(): Promise<void>;
  /** Resolves when each of these (all of the fleet) has it live by the node's own word. */
  live(tree: string, nodes?: readonly string[]): Promise<void>;
}

export async function openTreeLan(t: TestContext, configuration: FleetConfiguration = {}): Promise<TreeLan> {
  const author = await createAuthor();
  t.after(() => author.remove());
  const wan = await createWanFleet([3, 3, 3], { logLevel: 'error', ...configuration });
  t.after(wan.close);
  return {
    ...wan,
    author,
    async commit(files) {
      for (const [path, content] of Object.entries(files)) await author.write(path, content);
      return author.commit();
    },
    async push() {
      const pushed = await author.push(wan.fleet.remote);
      assert.equal(pushed.code, 0, pushed.stderr);
    },
    live: (tree, nodes = wan.names) => untilLive(wan.fleet, tree, nodes),
  };
}
