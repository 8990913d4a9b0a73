// One agent's store that publishes, rolls back, verifies, serves and cleans up while another process swaps what lies in its trees for links
// that lead outside. Failing is allowed, by whatever a broken tree is refused with; touching, or serving, what lies outside is not.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createDiscardedSites } from '../../src/agent/run/discarded-sites.ts';
import { silentLog } from '../../src/agent/session/agent-log.ts';
import { createStaticServer, type StaticServer } from '../../src/agent/static-server/static-server.ts';
import type { SiteStore } from '../../src/agent/store/site-store.ts';
import {
  type ModelEntry,
  type ModelTree,
  modelFile,
  modelLink,
  modelTreeId,
} from '../../src/agent/store/testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  openKitStore,
  openPublishedStore,
  receive,
  release,
} from '../../src/agent/store/testing/site-kit.ts';
import { createKeptFiles } from '../../src/plugins/assets/kept-files.ts';
import { openTreeFile } from '../../src/plugins/files/tree-file.ts';
import { createRandom } from '../random.ts';
import type { Attack, AttackReport } from './attacker.ts';
import { makeOutside, secret } from './outside.ts';

export interface RaceOptions {
  /** Swaps, at least. */
  readonly tries: number;
  readonly seed: number;
  /** Also swaps the slots and the store's own directories. */
  readonly slots: boolean;
  say(line: string): void;
}

export interface RaceResult {
  readonly swaps: number;
  readonly byKind: Readonly<Record<string, number>>;
  /** What the store did meanwhile, by deed and outcome. */
  readonly deeds: Readonly<Record<string, number>>;
  /** What became of the outside; must be empty. */
  readonly changes: readonly string[];
  /** Answers of the static server, and files given to plugins, with bytes from outside; must be 0. */
  readonly leaks: number;
  /** How often the store was so broken that it began anew. */
  readonly restarts: number;
}

const names = [
  'index.html',
  'a/page.html',
  'a/b/deep.html',
  'a/b/c/deeper.html',
  'css/site.css',
  'css/more/x.css',
];

function treeOf(number: number): ModelTree {
  const entries = names.map((name, index): [string, ModelEntry] => [
    name,
    modelFile(`${name} ${number % 2 === index % 2 ? number : 0}`, 1_000 + number),
  ]);
  const changing: [string, ModelEntry][] =
    number % 2 === 0
      ? [
          ['new/one/two.html', modelFile(`new ${number}`, 2_000 + number)],
          ['link', modelLink('a/page.html', 3_000 + number)],
        ]
      : [
          ['a/b/only/odd.html', modelFile(`odd ${number}`, 2_000 + number)],
          ['link', modelLink('css/site.css', 3_000 + number)],
        ];
  return new Map([...entries, ...changing]);
}

export async function race({ tries, seed, slots, say }: RaceOptions): Promise<RaceResult> {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'treecast-races-'));
  const outside = makeOutside(path.join(base, 'outside'), names);
  const root = path.join(base, 'sites');
  const scratch = path.join(base, 'scratch');
  fs.mkdirSync(scratch);
  const random = createRandom(seed);
  const deeds: Record<string, number> = {};
  const byKind: Record<string, number> = {};
  let [swaps, leaks, restarts, sequence] = [0, 0, 0, 1];
  let store = await fresh();
  let server: StaticServer | undefined;
  const child = fork(new URL('./attacker.ts', import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const count = (deed: string): void => {
    deeds[deed] = (deeds[deed] ?? 0) + 1;
  };

  async function fresh(): Promise<SiteStore> {
    fs.rmSync(root, { recursive: true, force: true, maxRetries: 50 });
    fs.mkdirSync(root, { recursive: true });
    sequence = 1;
    return openPublishedStore(root, treeOf(1));
  }

  /** As when the site leaves the node: its store is closed, its directory goes, and it comes back. */
  async function leave(): Promise<void> {
    await attempt('close', () => store.close());
    await attempt('remove', () => createDiscardedSites(root).discard(kitSite));
    await attempt('remove the rest', () => createDiscardedSites(root).removeLeftovers());
  }

  /** Whether it succeeded; what it fails with is counted. */
  async function attempt(deed: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      count(`${deed}: done`);
      return true;
    } catch (error) {
      count(
        `${deed}: ${(error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.name : 'thrown')}`,
      );
      return false;
    }
  }

  async function publish(): Promise<boolean> {
    const from = treeOf(sequence);
    const to = treeOf(sequence + 1);
    const number = release(sequence + 1);
    const isStaged = await attempt('stage', async () =>
      store.stage(await receive(store, assignmentBetween(number, from, to)), new AbortController().signal),
    );
    if (!isStaged) return false;
    await attempt('twin', async () => {
      await store.writeTwin(number, 'a/page.html', '.gz', Buffer.from('twin'));
      await store.sealTwins(number);
    });
    if (random.once(4)) return attempt('abort', () => store.abort(number));
    if (
      !(await attempt('switch', async () => {
        const { outcome } = await store.decide(decisionFor(number, modelTreeId(to)));
        if (outcome !== 'switched') throw Object.assign(new Error(outcome), { code: outcome });
      }))
    )
      return false;
    sequence++;
    return true;
  }

  async function look(): Promise<void> {
    if (!server) return;
    await Promise.all(
      names.map(async (name) => {
        const body = await fetch(`${server?.url}/${name}`).then(
          (response) => response.text(),
          () => '',
        );
        if (body.includes(secret)) leaks++;
      }),
    );
  }

  const plugin = async (): Promise<void> => {
    const directory = store.resolveLive()?.directory;
    if (!directory) return;
    const kept = createKeptFiles(path.join(root, kitSite), 'kept', 'front');
    for (const name of names) {
      await attempt('plugin reads', async () => {
        const file = await openTreeFile(directory, name);
        try {
          if ((await file.readFile('utf8')).includes(secret)) leaks++;
        } finally {
          await file.close();
        }
      });
      await attempt('plugin keeps', async () => {
        await kept.keep(directory, name);
      });
    }
    await attempt('plugin drops', async () => {
      for (const name of names) await kept.drop(name);
    });
  };

  try {
    server = await createStaticServer({
      listen: '127.0.0.1:0',
      store: () => store,
      log: silentLog,
    });
    child.on('message', (report: AttackReport) => {
      swaps += report.swaps;
      for (const [kind, number] of Object.entries(report.byKind)) byKind[kind] = (byKind[kind] ?? 0) + number;
    });
    child.send({
      site: path.join(root, kitSite),
      outside: outside.directory,
      scratch,
      seed,
      slots,
    } satisfies Attack);
    let failures = 0;
    for (let round = 1; swaps < tries || round * 100 < tries; round++) {
      const looked = look();
      failures = (await publish()) ? 0 : failures + 1;
      if (random.once(2)) await attempt('background', () => store.settle());
      if (random.once(6)) await attempt('verify', () => store.verify());
      if (random.once(4)) await plugin();
      await looked;
      if (round % 100 === 0) {
        const isOpen =
          (await attempt('close', () => store.close())) &&
          (await attempt('open', async () => {
            store = await openKitStore(root);
          }));
        if (!isOpen) failures = 100;
      }
      // A live tree that was broken stays so: the next begins anew.
      if (failures >= 8 || round % 40 === 0) {
        await leave();
        const changes = outside.changes();
        if (changes.length > 0) break;
        while (
          !(await attempt('begin', async () => {
            store = await fresh();
          }))
        );
        restarts++;
        failures = 0;
      }
      if (round % 200 === 0) say(`round ${round}: ${swaps} swaps, ${restarts} new beginnings`);
    }
    child.send({});
    await ended;
    return { swaps, byKind, deeds, changes: outside.changes(), leaks, restarts };
  } finally {
    if (child.exitCode === null) child.kill('SIGKILL');
    await ended;
    await server?.close();
    await store.close().catch(() => {});
    fs.rmSync(base, { recursive: true, force: true, maxRetries: 20 });
  }
}
