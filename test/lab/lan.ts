// A LAN on one machine: a network namespace for each host, all on one bridge, which lives in a namespace of its own.
// Nothing appears in the machine's own network. Needs root and iproute2; `loss` also nftables. No kernel delay: there is no netem here.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { runProgram } from './run-program.ts';

export interface LanHost {
  /** The namespace's name, for `ip netns exec`. */
  readonly namespace: string;
  /** Its IPv4 address on the LAN. */
  readonly address: string;
  /** Starts a program there; the process is the program itself, so signals reach it. */
  spawn(program: string, parameters: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Runs a program there to its end; resolves with its stdout. */
  run(program: string, parameters: readonly string[], input?: string): Promise<string>;
  /** Drops this share of the datagrams that enter and leave, multicast and unicast alike; 0 ends it. */
  loss(percent: number, protocol?: 'udp' | 'tcp'): Promise<void>;
  /** Packets dropped since `loss` was set. */
  dropped(): Promise<number>;
  /** Limits what leaves the host, in tc's notation such as `100mbit`. */
  rate(limit: string): Promise<void>;
  /** Takes the host off the LAN. */
  cut(): Promise<void>;
  heal(): Promise<void>;
}

export interface Lan {
  readonly hosts: readonly LanHost[];
  /** Removes everything that was made; programs still running there lose their network. Idempotent. */
  close(): Promise<void>;
}

const namePrefix = 'treecast-lan';
const hostsMax = 250;
let made = 0;

export async function createLan(options: { readonly hosts: number }): Promise<Lan> {
  if (options.hosts < 1 || options.hosts > hostsMax) throw new RangeError(`a LAN has 1 to ${hostsMax} hosts`);
  await removeLeftovers();
  made += 1;
  const name = `${namePrefix}-${process.pid}-${made}`;
  const hub = `${name}-hub`;
  const namespaces = Array.from({ length: options.hosts }, (_, index) => `${name}-h${index}`);
  const close = (): Promise<void> => removeNamespaces([hub, ...namespaces]);
  try {
    await batch(
      [],
      [hub, ...namespaces].map((namespace) => `netns add ${namespace}`),
    );
    await batch(
      ['-n', hub],
      [
        'link add bridge type bridge mcast_snooping 0',
        'link set bridge up',
        ...namespaces.flatMap((namespace, index) => [
          `link add port${index} type veth peer name eth0 netns ${namespace}`,
          `link set port${index} master bridge up`,
        ]),
      ],
    );
    const hosts: LanHost[] = [];
    for (const [index, namespace] of namespaces.entries()) {
      const address = `10.77.0.${index + 1}`;
      await batch(
        ['-n', namespace],
        [
          'link set lo up',
          `addr add ${address}/24 dev eth0`,
          'link set eth0 up',
          'route add 224.0.0.0/4 dev eth0',
        ],
      );
      hosts.push(createHost({ namespace, address, hub, port: `port${index}` }));
    }
    return { hosts, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function createHost(place: { namespace: string; address: string; hub: string; port: string }): LanHost {
  const { namespace, address, hub, port } = place;
  const inside = ['netns', 'exec', namespace];
  const run: LanHost['run'] = (program, parameters, input) =>
    runProgram('ip', [...inside, program, ...parameters], input === undefined ? {} : { input });
  return {
    namespace,
    address,
    run,
    spawn: (program, parameters, options = {}) => spawn('ip', [...inside, program, ...parameters], options),
    async loss(percent, protocol = 'udp') {
      const rule = `meta l4proto ${protocol} numgen random mod 1000 < ${Math.round(percent * 10)} counter drop`;
      const chain = (way: string): string => `chain ${way} { type filter hook ${way} priority 0; ${rule}; }`;
      const table = percent > 0 ? `table inet lab {\n${chain('input')}\n${chain('output')}\n}` : '';
      await run('nft', ['-f', '-'], `flush ruleset\n${table}\n`);
    },
    async dropped() {
      const rules = await run('nft', ['list', 'ruleset']);
      let packets = 0;
      for (const [, count] of rules.matchAll(/counter packets (\d+)/g)) packets += Number(count);
      return packets;
    },
    async rate(limit) {
      const shape = ['root', 'tbf', 'rate', limit, 'burst', '128kb', 'latency', '100ms'];
      await run('tc', ['qdisc', 'replace', 'dev', 'eth0', ...shape]);
    },
    async cut() {
      await runProgram('ip', ['-n', hub, 'link', 'set', port, 'down']);
    },
    async heal() {
      await runProgram('ip', ['-n', hub, 'link', 'set', port, 'up']);
    },
  };
}

async function batch(before: readonly string[], lines: readonly string[]): Promise<void> {
  await runProgram('ip', [...before, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

async function listNamespaces(): Promise<string[]> {
  const listed = await runProgram('ip', ['netns', 'list']);
  return listed.split('\n').map((line) => line.split(' ')[0] as string);
}

/** Links go with their namespace. */
async function removeNamespaces(wanted: readonly string[]): Promise<void> {
  const present = new Set(await listNamespaces());
  const lines = wanted
    .filter((namespace) => present.has(namespace))
    .map((namespace) => `netns del ${namespace}`);
  if (lines.length > 0) await batch([], lines);
}

/** What runs that were killed could not remove: their process id is in the names. */
async function removeLeftovers(): Promise<void> {
  const leftovers = (await listNamespaces()).filter((namespace) => {
    const owner = new RegExp(`^${namePrefix}-(\\d+)-`).exec(namespace)?.[1];
    return owner !== undefined && !isAlive(Number(owner));
  });
  await removeNamespaces(leftovers);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
