// N44 STG-33 STG-38: a tree that nobody but Treecast changes never drifts, whatever is published, rolled back, aborted or made in the
// background while it is walked over; and one file that somebody does change is found whatever happens around it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Drift, SiteStore } from './site-store.ts';
import { type ModelEntry, type ModelTree, modelFile, modelLink, modelTreeId } from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  makeRoot,
  openPublishedStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const never = new AbortController().signal;
const names = ['a', 'b/c', 'b/d', 'b/e/f', 'g/h', 'g/i.html', 'j.css', 'k/l/m/n'];
const entry: fc.Arbitrary<ModelEntry> = fc.oneof(
  fc
    .record({ text: fc.string({ maxLength: 200 }), isProgram: fc.boolean() })
    .map(({ text, isProgram }) => modelFile(text, 1000, isProgram ? '100755' : '100644')),
  fc.constantFrom('a', 'b/c', 'nowhere').map((target) => modelLink(target, 1000)),
);
const trees = fc
  .dictionary(fc.constantFrom(...names), entry, { minKeys: 1 })
  .map((found) => new Map(Object.entries(found)));
const operations = fc.array(
  fc.oneof(
    trees.map((tree) => ({ do: 'publish', tree }) as const),
    trees.map((tree) => ({ do: 'abort', tree }) as const),
    fc.constant({ do: 'rollback' } as const),
    fc.constant({ do: 'settle' } as const),
    fc.constant({ do: 'twin' } as const),
  ),
  { minLength: 3, maxLength: 10 },
);

/** Lets one call at a time use the store, as the site's session does. */
function oneAtATime() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(call: () => Promise<T>): Promise<T> => {
    const next = last.then(call);
    last = next.catch(() => undefined);
    return next;
  };
}

async function publishSeries(
  store: SiteStore,
  first: ModelTree,
  series: readonly (typeof operations extends fc.Arbitrary<infer T> ? T : never)[number][],
  alone: ReturnType<typeof oneAtATime>,
): Promise<ModelTree> {
  let live = first;
  let backup: ModelTree | undefined;
  let sequence = 1;
  for (const operation of series) {
    if (operation.do === 'settle') await alone(() => store.settle());
    else if (operation.do === 'rollback') {
      if (!backup) continue;
      const to = backup;
      await alone(() => store.decide(decisionFor(release(++sequence), modelTreeId(to), 'rollback')));
      [live, backup] = [to, live];
    } else {
      const tree =
        operation.do === 'twin'
          ? new Map([...live, ['twinned.txt', modelFile(`${sequence}`, 1)]])
          : operation.tree;
      const next = release(++sequence);
      await alone(() => receiveAndStage(store, assignmentBetween(next, live, tree)));
      if (operation.do === 'abort') {
        await alone(() => store.abort(next));
        continue;
      }
      if (operation.do === 'twin') {
        await alone(() => store.writeTwin(next, 'twinned.txt', '.gz', Buffer.from(`packed ${sequence}`)));
        await alone(() => store.sealTwins(next));
      }
      await alone(() => store.decide(decisionFor(next, modelTreeId(tree))));
      [live, backup] = [tree, live];
    }
  }
  return live;
}

/** Walks over live again and again until told to stop; everything that was confirmed. */
async function walkUntil(
  store: SiteStore,
  isOver: () => boolean,
  alone: ReturnType<typeof oneAtATime>,
): Promise<Drift[]> {
  const confirmed: Drift[] = [];
  let after: string | null = null;
  while (!isOver()) {
    after = null;
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    for await (const visit of store.walk({ after, onRead: turn, signal: never })) {
      if (visit.isSuspect) confirmed.push(...(await alone(() => store.check([visit.path], never))));
    }
    await turn();
  }
  return confirmed;
}

test('N44 STG-33 STG-38 no false drift while trees are published, rolled back, aborted and made', async () => {
  await fc.assert(
    fc.asyncProperty(trees, operations, async (first, series) => {
      const root = makeRoot();
      const store = await openPublishedStore(root, first);
      try {
        const alone = oneAtATime();
        let over = false;
        const walking = walkUntil(store, () => over, alone);
        const live = await publishSeries(store, first, series, alone).finally(() => {
          over = true;
        });
        assert.deepEqual(await walking, []);
        const { proof, drift } = await store.verify();
        assert.deepEqual([proof.tree, drift], [modelTreeId(live), []]);
      } finally {
        await store.close();
        fs.rmSync(root, { recursive: true });
      }
    }),
    { numRuns: 10 },
  );
});

test('N44 STG-34 STG-35 a file that is replaced between publishes is found and mended, and no tree that follows is wrong', async () => {
  await fc.assert(
    fc.asyncProperty(trees, operations, operations, fc.nat(), async (first, before, then, pick) => {
      const root = makeRoot();
      const store = await openPublishedStore(root, first);
      try {
        const alone = oneAtATime();
        const series = [...before, ...then].filter((operation) => operation.do !== 'abort');
        const live = await publishSeries(store, first, series, alone);
        await store.settle();
        const [name] = [...live.keys()].sort().slice(pick % live.size);
        const file = path.join(fs.realpathSync(path.join(root, kitSite, 'live')), name as string);
        fs.rmSync(file);
        fs.writeFileSync(file, 'somebody else’s');
        const suspects: string[] = [];
        for await (const visit of store.walk({ after: null, onRead: () => undefined, signal: never }))
          if (visit.isSuspect) suspects.push(visit.path);
        const drift = await store.check(suspects, never);
        assert.deepEqual(
          drift.map((found) => found.path),
          [name],
        );
        // The third tree has it still: it was caught up before.
        assert.deepEqual(await store.mend(drift, never), []);
        await store.settle();
        const { proof, drift: left } = await store.verify();
        assert.deepEqual([proof.tree, left], [modelTreeId(live), []]);
      } finally {
        await store.close();
        fs.rmSync(root, { recursive: true });
      }
    }),
    { numRuns: 10 },
  );
});
