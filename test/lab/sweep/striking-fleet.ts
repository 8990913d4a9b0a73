// A CCM and two agents of which any may be started so that it kills itself at a failpoint; with an author's clone. What is done while
// it is armed, and what must hold afterwards, is decided elsewhere.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../../../src/plugins/testing/until.ts';
import { type Author, createAuthor, type GitResult } from '../author.ts';
import { loopbackPlaces, type Place } from '../places.ts';
import type { ProcessEnd } from '../processes.ts';
import { createFleet, type Fleet } from '../program-fleet.ts';
import { liveTreeOnDisk } from './node-on-disk.ts';

/** Who is killed: the CCM, or the second node's agent. */
export type Victim = 'ccm' | 'agent';

/** The environment that victims are started with, by victim. */
export type Arms = Readonly<Partial<Record<Victim, NodeJS.ProcessEnv>>>;

export type Width = 'one' | 'many' | 'large' | 'deep';

export interface StrikingFleet {
  readonly fleet: Fleet;
  readonly author: Author;
  readonly place: Place;
  readonly ccmDirectory: string;
  /** State directories of the agents. */
  readonly nodeDirectories: readonly string[];
  /** Every tree that was ever pushed. */
  readonly trees: ReadonlySet<string>;
  /** Commits a change of one file, of more files than a lag spells out, of one large file, or of many directories; the commit's tree. */
  change(width: Width): Promise<string>;
  /** Somebody changes what node 2 shows; what it shows then is no surprise. */
  drift(change: () => Promise<void>): Promise<void>;
  /** Resolves when no change of that kind is under way. */
  drifted(): Promise<void>;
  push(options?: readonly string[]): Promise<GitResult>;
  arms: Arms;
  /** How the armed process ended, as soon as one was started. */
  readonly struck: Promise<ProcessEnd>;
  /** Starts those that are armed anew, armed; the death of one while it starts is no error. */
  startArmed(...victims: readonly Victim[]): Promise<void>;
  /** For a process that is no program of the fleet. */
  watchArmed(end: Promise<ProcessEnd>): void;
  /** Starts one anew, unarmed. */
  restart(victim: Victim): Promise<void>;
  /** Starts one that does not run. */
  revive(victim: Victim): Promise<void>;
  stopAgent(): Promise<void>;
  allConnected(): Promise<void>;
  close(): Promise<void>;
}

const twinPlugin = fileURLToPath(new URL('./twin-plugin.ts', import.meta.url));
const files = 80;
/** More than the index keeps before it is swept. */
const directories = 1_100;
const largeBytes = 33 * 1024 ** 2;

export async function createStrikingFleet(
  directory: string,
  { hasPlugins }: { readonly hasPlugins: boolean },
): Promise<StrikingFleet> {
  const [place] = loopbackPlaces(1) as [Place];
  const plugins = hasPlugins ? [{ use: twinPlugin, config: {} }] : [];
  const policy = { encryption: [{ glob: 'large.bin', cipher: 'none' as const }] };
  const [fleet, author] = await Promise.all([
    createFleet(directory, place, [place, place], {
      ccm: { plugins },
      // What is found by re-reading comes when it comes; the sweep wants its moments to be the same every time.
      agent: () => ({ plugins, niceness: 0, scrub: 'off' }),
      logLevel: 'error',
      policy,
    }),
    createAuthor(),
  ]);
  const trees = new Set<string>();
  let arms: Arms = {};
  let struck = Promise.withResolvers<ProcessEnd>();
  let version = 0;
  let drifting = Promise.resolve();

  async function change(width: Width): Promise<string> {
    version += 1;
    const paths = { one: 1, many: files, large: 0, deep: 1 }[width];
    for (let n = 0; n < paths; n++)
      await author.write(
        `${n % 7 === 0 ? 'assets' : 'pages'}/${n}.txt`,
        `${n} of version ${version}\n`.repeat(20),
      );
    if (width === 'large') await author.write('large.bin', noise(version));
    else await rm(join(author.directory, 'large.bin'), { force: true });
    if (width === 'deep')
      for (let n = 0; n < directories; n++)
        await author.write(`deep/${n}/a.txt`, `${n} of version ${version}`);
    else await rm(join(author.directory, 'deep'), { recursive: true, force: true });
    const tree = await author.commit(`version ${version}`);
    trees.add(tree);
    return tree;
  }

  const self: StrikingFleet = {
    fleet,
    author,
    place,
    ccmDirectory: join(directory, 'ccm'),
    nodeDirectories: [join(directory, 'node1'), join(directory, 'node2')],
    trees,
    change,
    drift(change) {
      const site = join(self.nodeDirectories[1] as string, 'sites', fleet.site);
      drifting = change().then(async () => {
        trees.add((await liveTreeOnDisk(site, author.directory)) ?? '');
      });
      return drifting;
    },
    drifted: () => drifting,
    push: (options = []) => author.push(fleet.remote, ['--force', '-o', 'allow-delete', ...options]),
    get arms() {
      return arms;
    },
    set arms(next) {
      arms = next;
      // What still runs of the case before hears of its end.
      if (Object.keys(next).length > 0) struck = Promise.withResolvers();
    },
    get struck() {
      return struck.promise;
    },
    async startArmed(...victims) {
      for (const victim of victims) {
        const env = arms[victim];
        if (env === undefined) continue;
        const { resolve } = struck;
        const start =
          victim === 'ccm' ? fleet.restartCcm('SIGKILL', env) : fleet.restartAgent(1, 'SIGKILL', env);
        await start.catch(() => undefined);
        (victim === 'ccm' ? fleet.ccmEnd() : fleet.agentEnd(1)).then(resolve, () => undefined);
      }
    },
    watchArmed(end) {
      end.then(struck.resolve, () => undefined);
    },
    restart: (victim) => (victim === 'ccm' ? fleet.restartCcm('SIGKILL') : fleet.restartAgent(1, 'SIGKILL')),
    async revive(victim) {
      const ended = victim === 'ccm' ? fleet.ccmEnd() : fleet.agentEnd(1);
      const running = new Promise<'running'>((resolve) => setImmediate(resolve, 'running'));
      if ((await Promise.race([ended, running])) !== 'running') await self.restart(victim);
    },
    async stopAgent() {
      process.kill(fleet.agentPid(1), 'SIGTERM');
      await fleet.agentEnd(1);
    },
    allConnected: () =>
      until(
        'all agents are connected',
        async () => {
          const nodes = await fleet.client.nodes.list().catch(() => []);
          return nodes.length === 2 && nodes.every((node) => node.connected);
        },
        60_000,
      ),
    async close() {
      await fleet.close();
      await author.remove();
      await rm(directory, { recursive: true, force: true, maxRetries: 20 });
    },
  };
  try {
    for (const width of ['many', 'one', 'many'] as const) {
      await change(width);
      const { stderr } = await self.push();
      assert.match(stderr, /live 2\/2/);
    }
    return self;
  } catch (error) {
    await self.close();
    throw error;
  }
}

/** Bytes that no codec makes smaller, other ones for each seed. */
function noise(seed: number): Buffer {
  const words = new Uint32Array(largeBytes / 4);
  let state = seed * 2_654_435_761 + 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return Buffer.from(words.buffer);
}
