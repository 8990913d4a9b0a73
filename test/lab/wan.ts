// A WAN on one machine: sites, each a LAN with a subnet of its own, joined by a router. Nothing but unicast goes from one to another. Each site's link to the router can
// be narrow, in both directions alike.

import { buildSegment, type LanHost, planSegment, shapeOf } from './lan.ts';
import { addNamespaces, ipBatch, nameNetwork, removeNamespaces } from './namespaces.ts';
import { runProgram } from './run-program.ts';

export interface WanSite {
  readonly hosts: readonly LanHost[];
  /** Of the site's link, each way, in tc's notation such as `100mbit`. */
  rate(limit: string): Promise<void>;
  /** Takes the site off the WAN. Nobody is told: what is sent is lost. */
  cut(): Promise<void>;
  heal(): Promise<void>;
}

export interface Wan {
  readonly sites: readonly WanSite[];
  /** Removes everything that was made. Idempotent. */
  close(): Promise<void>;
}

const sitesMax = 250;

/** A site for each number, with so many hosts. */
export async function createWan(hostsOfSites: readonly number[]): Promise<Wan> {
  if (hostsOfSites.length > sitesMax) throw new RangeError(`a WAN has ${sitesMax} sites at most`);
  const name = await nameNetwork();
  const [hub, router] = [`${name}-hub`, `${name}-router`];
  const plans = hostsOfSites.map((hosts, number) => planSegment({ hub, name, number, hosts }));
  const namespaces = [hub, router, ...plans.flatMap((plan) => plan.namespaces)];
  const close = (): Promise<void> => removeNamespaces(namespaces);
  try {
    await addNamespaces(namespaces);
    await runProgram('ip', ['netns', 'exec', router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    const sites: WanSite[] = [];
    for (const [number, plan] of plans.entries()) {
      const hosts = await buildSegment(plan);
      const [uplink, port] = [`uplink${number}`, `site${number}`];
      const gateway = `${plan.subnet}.254`;
      await ipBatch(
        ['-n', hub],
        [
          `link add ${uplink} type veth peer name ${port} netns ${router}`,
          `link set ${uplink} master ${plan.bridge} up`,
        ],
      );
      await ipBatch(['-n', router], [`addr add ${gateway}/24 dev ${port}`, `link set ${port} up`]);
      for (const { namespace } of hosts) {
        await ipBatch(['-n', namespace], [`route add default via ${gateway}`]);
      }
      sites.push({
        hosts,
        async rate(limit) {
          await runProgram('tc', ['-n', hub, ...shapeOf(uplink, limit)]);
          await runProgram('tc', ['-n', router, ...shapeOf(port, limit)]);
        },
        async cut() {
          await ipBatch(['-n', hub], [`link set ${uplink} down`]);
        },
        async heal() {
          await ipBatch(['-n', hub], [`link set ${uplink} up`]);
        },
      });
    }
    return { sites, close };
  } catch (error) {
    await close();
    throw error;
  }
}
