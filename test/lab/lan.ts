// A LAN on one machine: a network namespace for each host, all on one bridge, which lives in a namespace of its own. No kernel delay: there is no
// netem here. Several of them, joined by a router, are a WAN (wan.ts).

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { addNamespaces, ipBatch, nameNetwork, removeNamespaces } from './namespaces.ts';
import { runProgram } from './run-program.ts';

export interface LanHost {
  /** The namespace's name, for `ip netns exec`. */
  readonly namespace: string;
  /** The namespace of the bridge that it is on. */
  readonly hub: string;
  /** Its IPv4 address on the LAN. */
  readonly address: string;
  /** Starts a program there; the process is the program itself, so signals reach it. */
  spawn(program: string, parameters: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Runs a program there to its end; resolves with its stdout. */
  run(program: string, parameters: readonly string[], input?: string): Promise<string>;
  /** Drops this share of the datagrams that enter and leave, multicast and unicast alike; 0 ends it. Needs nftables. */
  loss(percent: number, protocol?: 'udp' | 'tcp'): Promise<void>;
  /** Packets dropped since `loss` was set. */
  dropped(): Promise<number>;
  /** Limits what leaves the host, in tc's notation such as `100mbit`. */
  rate(limit: string): Promise<void>;
  /** Takes the host off the LAN. Nobody is told: what is sent to it is lost. */
  cut(): Promise<void>;
  heal(): Promise<void>;
  /** Bytes that its interface has sent and received so far. */
  traffic(): Promise<Traffic>;
}

export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

export interface Lan {
  readonly hosts: readonly LanHost[];
  /** Removes everything that was made; programs still running there lose their network. Idempotent. */
  close(): Promise<void>;
}

const hostsMax = 250;

export async function createLan(options: { readonly hosts: number }): Promise<Lan> {
  const name = await nameNetwork();
  const hub = `${name}-hub`;
  const plan = planSegment({ hub, name, number: 0, hosts: options.hosts });
  const close = (): Promise<void> => removeNamespaces([hub, ...plan.namespaces]);
  try {
    await addNamespaces([hub, ...plan.namespaces]);
    return { hosts: await buildSegment(plan), close };
  } catch (error) {
    await close();
    throw error;
  }
}

export interface SegmentPlan {
  readonly hub: string;
  readonly bridge: string;
  /** The first three numbers of every address in it. */
  readonly subnet: string;
  /** One a host. */
  readonly namespaces: readonly string[];
  readonly portOf: (index: number) => string;
}

export function planSegment(of: {
  readonly hub: string;
  /** The network's. */
  readonly name: string;
  /** Which of the network's segments. */
  readonly number: number;
  readonly hosts: number;
}): SegmentPlan {
  const { hub, name, number, hosts } = of;
  if (hosts < 1 || hosts > hostsMax) throw new RangeError(`a LAN has 1 to ${hostsMax} hosts`);
  return {
    hub,
    bridge: `bridge${number}`,
    subnet: `10.77.${number}`,
    namespaces: Array.from({ length: hosts }, (_, index) => `${name}-s${number}h${index}`),
    portOf: (index) => `port${number}-${index}`,
  };
}

/** Bridge, cables and addresses, in namespaces that are there. */
export async function buildSegment({
  hub,
  bridge,
  subnet,
  namespaces,
  portOf,
}: SegmentPlan): Promise<LanHost[]> {
  await ipBatch(
    ['-n', hub],
    [
      `link add ${bridge} type bridge mcast_snooping 0`,
      `link set ${bridge} up`,
      ...namespaces.flatMap((namespace, index) => [
        `link add ${portOf(index)} type veth peer name eth0 netns ${namespace}`,
        `link set ${portOf(index)} master ${bridge} up`,
      ]),
    ],
  );
  const hosts: LanHost[] = [];
  for (const [index, namespace] of namespaces.entries()) {
    const address = `${subnet}.${index + 1}`;
    await ipBatch(
      ['-n', namespace],
      [
        'link set lo up',
        `addr add ${address}/24 dev eth0`,
        'link set eth0 up',
        'route add 224.0.0.0/4 dev eth0',
      ],
    );
    hosts.push(createHost({ namespace, address, hub, port: portOf(index) }));
  }
  return hosts;
}

/** Of what leaves by this interface; the burst is a tenth of a second's worth of a slow link, so that the rate is reached. */
export function shapeOf(interfaceName: string, limit: string): string[] {
  const shape = ['root', 'tbf', 'rate', limit, 'burst', '128kb', 'latency', '100ms'];
  return ['qdisc', 'replace', 'dev', interfaceName, ...shape];
}

function createHost(place: { namespace: string; address: string; hub: string; port: string }): LanHost {
  const { namespace, address, hub, port } = place;
  const inside = ['netns', 'exec', namespace];
  const run: LanHost['run'] = (program, parameters, input) =>
    runProgram('ip', [...inside, program, ...parameters], input === undefined ? {} : { input });
  return {
    namespace,
    hub,
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
      await run('tc', shapeOf('eth0', limit));
    },
    async cut() {
      await runProgram('ip', ['-n', hub, 'link', 'set', port, 'down']);
    },
    async heal() {
      await runProgram('ip', ['-n', hub, 'link', 'set', port, 'up']);
    },
    async traffic() {
      const counters = ['tx_bytes', 'rx_bytes'].map((name) => `/sys/class/net/eth0/statistics/${name}`);
      const [sent, received] = (await run('cat', counters)).trim().split('\n').map(Number);
      return { sent: sent as number, received: received as number };
    },
  };
}
