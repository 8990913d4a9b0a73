// One MCTP session on a LAN of namespaces: host 0 sends, the others receive, a process each. Carries the notices between them, as TLS connections would, and
// keeps what each of them says.

import type { ChildProcess } from 'node:child_process';
import { createHash, generateKeyPairSync, hash, randomFillSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { blockBytes } from '../../../src/model/assignment.ts';
import type { LanHost } from '../lan.ts';
import { createProcesses } from '../processes.ts';
import type { Order, Word } from './node-words.ts';

export interface Voice {
  readonly child: ChildProcess;
  readonly words: readonly Word[];
  order(order: Order): void;
  /** Rejects when the process says that something went wrong. */
  until<W extends Word['word']>(
    word: W,
    fits?: (said: Extract<Word, { word: W }>) => boolean,
  ): Promise<Extract<Word, { word: W }>>;
}

export interface SessionFleet {
  readonly names: readonly string[];
  readonly directory: string;
  /** A fresh random data file. */
  makeContent(bytes: number): Promise<void>;
  /** Starts the processes of all hosts, which then wait. */
  start(): Promise<void>;
  host(node: string): LanHost;
  sender(): Voice;
  receiver(node: string): Voice;
  /** The session begins; those that are not named are told when `tell` is called. */
  send(options: {
    readonly repair: 'arq' | 'fec';
    readonly tellNow?: readonly string[];
    readonly linkBytesPerSecond?: number;
    readonly bytesPerSecondMax?: number;
  }): Promise<void>;
  /** Hands the notice over; for one that was started again, a new one. */
  tell(node: string): Promise<void>;
  /** A new process for that receiver, whose file is as it was left. */
  restart(node: string): Promise<void>;
  /** As that process sees its session now. */
  state(node: string): Promise<Extract<Word, { word: 'state' }>>;
  /** Somebody at that receiver's place, beside it, sends frames of its own. */
  forge(
    node: string,
    options: { readonly hasKey: boolean; readonly frames: number; readonly framesPerSecond: number },
  ): Promise<void>;
  /** Whether its file is the sender's to the byte. */
  isSame(node: string): Promise<boolean>;
  close(): Promise<void>;
}

const program = join(import.meta.dirname, 'node.ts');

export async function createSessionFleet(hosts: readonly LanHost[]): Promise<SessionFleet> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-mctp-'));
  const processes = createProcesses();
  const names = hosts.slice(1).map((_, index) => `node${index + 1}`);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const dataFile = join(directory, 'data');
  const manifestFile = join(directory, 'manifest');
  const voices = new Map<string, Voice>();
  let fetchFrom = '';

  const hostOf = (node: string): LanHost => hosts[names.indexOf(node) + 1] as LanHost;
  const fileOf = (node: string): string => join(directory, node);
  const voice = (node: string): Voice => voices.get(node) as Voice;

  async function run(node: string, host: LanHost): Promise<void> {
    voices.set(node, await spawnNode(node, host));
  }

  async function spawnNode(node: string, host: LanHost): Promise<Voice> {
    const child = host.spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    processes.add(child);
    const started = createVoice(node, child);
    await started.until('ready');
    return started;
  }

  async function tell(node: string): Promise<void> {
    const { notice } = await nextNotice(node);
    const receiver = voice(node);
    const { address } = hostOf(node);
    const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    receiver.order({
      order: 'receive',
      node,
      address,
      notice,
      dataFile: fileOf(node),
      publicKey: publicPem,
      fetchFrom,
    });
    const { lacks } = await receiver.until('joined');
    voice('leader').order({ order: 'joined', node, lacks });
  }

  const told = new Set<string>();

  async function nextNotice(node: string): Promise<Extract<Word, { word: 'notice' }>> {
    const leader = voice('leader');
    const before = leader.words.filter((said) => said.word === 'notice' && said.node === node).length;
    if (told.has(node)) leader.order({ order: 'notice', node });
    const wanted = told.has(node) ? before + 1 : 1;
    told.add(node);
    let seen = 0;
    return leader.until('notice', (said) => said.node === node && ++seen === wanted);
  }

  return {
    names,
    directory,
    async makeContent(bytes) {
      const file = await open(dataFile, 'w');
      const manifest = await open(manifestFile, 'w');
      const block = Buffer.alloc(blockBytes);
      for (let at = 0; at < bytes; at += blockBytes) {
        const part = randomFillSync(block).subarray(0, Math.min(blockBytes, bytes - at));
        await file.write(part);
        await manifest.write(hash('sha256', part, 'buffer'));
      }
      await file.close();
      await manifest.close();
    },
    async start() {
      await Promise.all(
        hosts.map((host, index) => run(index === 0 ? 'leader' : (names[index - 1] as string), host)),
      );
    },
    host: hostOf,
    sender: () => voice('leader'),
    receiver: voice,
    async send({ repair, tellNow = names, linkBytesPerSecond, bytesPerSecondMax }) {
      const leader = voice('leader');
      leader.order({
        order: 'send',
        node: 'leader',
        address: (hosts[0] as LanHost).address,
        dataFile,
        manifestFile,
        receivers: names,
        repair,
        privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        linkBytesPerSecond: linkBytesPerSecond ?? null,
        bytesPerSecondMax: bytesPerSecondMax ?? null,
      });
      ({ fetchFrom } = await leader.until('sending'));
      await Promise.all(tellNow.map(tell));
    },
    tell,
    async restart(node) {
      voice(node).child.kill('SIGKILL');
      await run(node, hostOf(node));
      await tell(node);
    },
    async state(node) {
      const { words, order, until } = voice(node);
      const before = words.filter(({ word }) => word === 'state').length;
      order({ order: 'state' });
      let seen = 0;
      return until('state', () => ++seen > before);
    },
    async forge(node, options) {
      const { notice } = (voice('leader').words.findLast(
        (said) => said.word === 'notice' && said.node === node,
      ) ?? {}) as Extract<Word, { word: 'notice' }>;
      const rogue = await spawnNode(`rogue at ${node}`, hostOf(node));
      rogue.order({ order: 'forge', notice, address: hostOf(node).address, ...options });
      await rogue.until('forged');
      rogue.child.kill();
    },
    async isSame(node) {
      const [wanted, got] = await Promise.all([digest(dataFile), digest(fileOf(node))]);
      return wanted === got;
    },
    async close() {
      await processes.end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function createVoice(node: string, child: ChildProcess): Voice {
  const words: Word[] = [];
  child.setMaxListeners(0).on('message', (word: Word) => void words.push(word));
  return {
    child,
    words,
    order: (order) => void child.send(order),
    async until<W extends Word['word']>(
      word: W,
      fits: (said: Extract<Word, { word: W }>) => boolean = () => true,
    ) {
      let at = 0;
      for (;;) {
        while (at < words.length) {
          const said = words[at] as Word;
          at += 1;
          if (said.word === 'refused') throw new Error(`${node}: ${said.sentence}`);
          if (said.word === word && fits(said as Extract<Word, { word: W }>))
            return said as Extract<Word, { word: W }>;
        }
        await new Promise<void>((resolve, reject) => {
          const wake = (): void => {
            child.off('message', wake).off('exit', gone);
            resolve();
          };
          const gone = (): void => reject(new Error(`${node} ended while '${word}' was waited for`));
          child.on('message', wake).on('exit', gone);
        });
      }
    },
  };
}

async function digest(path: string): Promise<string> {
  const sum = createHash('sha256');
  await pipeline(createReadStream(path), sum);
  return sum.digest('hex');
}
