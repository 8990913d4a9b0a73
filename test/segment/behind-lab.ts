// Whole agents and a CCM on this machine, all of one segment: waits until members are behind their leader, and for what is published to be live.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Author, createAuthor } from '../lab/author.ts';
import { loopbackPlaces } from '../lab/places.ts';
import { createFleet, type Fleet } from '../lab/program-fleet.ts';
import { untilBehind } from '../lab/until-behind.ts';
import { untilLive } from '../lab/until-live.ts';

export interface BehindLab {
  readonly fleet: Fleet;
  readonly author: Author;
  readonly directory: string;
  indexOf(node: string): number;
  /** Resolves with the leader once all others are connected through it. */
  allBehind(): Promise<string>;
  /** Pushes these files; resolves with the tree when every node has it live. */
  publish(files: Readonly<Record<string, string | Buffer>>): Promise<string>;
}

export async function openBehindLab(t: TestContext, nodes: number): Promise<BehindLab> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-behind-'));
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  const author = await createAuthor();
  t.after(() => author.remove());
  const group = `239.255.${process.pid % 250}.${(process.pid >> 8) % 250}`;
  const fleet = await createFleet(directory, loopbackPlaces(1)[0] as never, loopbackPlaces(nodes), {
    logLevel: 'error',
    agent: () => ({ segment: { group } }),
  });
  t.after(() => fleet.close());
  return {
    fleet,
    author,
    directory,
    indexOf: (node) => Number(node.replace('node', '')) - 1,
    allBehind: () => untilBehind(fleet),
    async publish(files) {
      for (const [path, content] of Object.entries(files)) await author.write(path, content);
      const tree = await author.commit();
      const pushed = await author.push(fleet.remote);
      assert.equal(pushed.code, 0, pushed.stderr);
      await untilLive(fleet, tree);
      return tree;
    },
  };
}
