// The plugin: its hooks, each on all balancers of the site at once. What a node's entries are and how they are set is a driver's;
// waiting and policy are in drain-servers.ts and restore-servers.ts. When to drain is decided by the CCM.

import {
  type BalancedNode,
  type BalanceEvent,
  definePlugin,
  type HookCall,
  PluginError,
} from 'treecast/plugin';
import { acrossBalancers, failureText, throwFailures } from './across-balancers.ts';
import { type BalancerConfig, loadbalancerConfig } from './balancer-config.ts';
import type { BalancedServer, BalancerDriver, ServerLook } from './balancer-driver.ts';
import { createDrivers } from './create-drivers.ts';
import { drainServers } from './drain-servers.ts';
import { mergeLooks } from './merge-looks.ts';
import { createPatience, shortPatienceMs } from './patience.ts';
import { restoreServers } from './restore-servers.ts';
import { nodeName } from './server-names.ts';

interface Balancer {
  readonly name: string;
  readonly config: BalancerConfig;
  readonly driver: BalancerDriver;
}

export const loadbalancer = definePlugin({
  name: 'loadbalancer',
  summary: 'Takes nodes out of load balancers, waits for their sessions, and puts them back.',
  places: ['ccm', 'gl'],
  configSchema: loadbalancerConfig,
  programs: ({ balancers }) => [...new Set(balancers.flatMap(programsOf))],
  setup({ config, exec, stateDirectory }) {
    const balancers = config.balancers.flatMap((balancer): Balancer[] =>
      createDrivers(balancer, { exec, stateDirectory }).map((driver) => ({
        name: driver.name,
        config: balancer,
        driver,
      })),
    );
    const of = (event: BalanceEvent): readonly Balancer[] => {
      for (const { name } of event.nodes) checkNode(name);
      return balancers.filter(({ config: { sites } }) => sites === undefined || sites.includes(event.site));
    };

    return {
      async validate({ signal, log }) {
        const { failed } = await acrossBalancers(balancers, ({ driver }) => driver.validate(signal));
        // One that is away now may be there when it is needed; only what will never work keeps the CCM from starting.
        const wrong = failed.filter(({ error }) => !(error instanceof PluginError && error.retryable));
        for (const failure of failed) if (!wrong.includes(failure)) log.warn({}, failureText(failure));
        throwFailures(wrong, ['load balancers']);
      },
      hooks: {
        async drain(event, { signal, log }) {
          const { done, failed } = await acrossBalancers(of(event), async (balancer) => {
            const servers = await findServers(balancer, event.nodes, signal);
            if (servers.length === 0) return undefined;
            return drainServers(balancer.driver, servers, balancer.config.drain, { signal, log });
          });
          throwFailures(failed, namesOf(event));
          const all = done.flatMap(({ value }) => value ?? []);
          const sum = (key: 'servers' | 'forced' | 'toldAgain') =>
            all.reduce((total, one) => total + one[key], 0);
          const forced = sum('forced') === 0 ? '' : `, ${sum('forced')} sessions ended`;
          const again =
            sum('toldAgain') === 0 ? '' : `, ${sum('toldAgain')} told again after the balancer forgot`;
          return { note: `out: ${namesOf(event).join(', ')} (${sum('servers')} servers${forced}${again})` };
        },
        async restore(event, { signal }) {
          const { done, failed } = await acrossBalancers(of(event), async (balancer) => {
            const servers = await findServers(balancer, event.nodes, signal);
            const { waitSeconds } = balancer.config.restore;
            if (servers.length > 0) await restoreServers(balancer.driver, servers, waitSeconds, signal);
            return servers.length;
          });
          throwFailures(failed, namesOf(event));
          const total = done.reduce((sum, { value }) => sum + value, 0);
          return { note: `back: ${namesOf(event).join(', ')} (${total} servers)` };
        },
        async weigh(event, { signal }) {
          if (!(event.share >= 0 && event.share <= 1))
            throw new PluginError(`${event.share} is no share of a weight`, {
              fix: 'Give a number from 0 to 1.',
              retryable: false,
            });
          const { done, failed } = await acrossBalancers(of(event), async (balancer) => {
            const servers = await findServers(balancer, event.nodes, signal);
            return servers.length === 0 ? undefined : balancer.driver.weigh(servers, event.share, signal);
          });
          throwFailures(failed, namesOf(event));
          const notes = done.flatMap(({ value }) => value ?? []);
          return {
            note: [
              `${namesOf(event).join(', ')}: ${Math.round(event.share * 100)} % of the weight`,
              ...notes,
            ].join('; '),
          };
        },
        inspect: (event, call) => inspectNodes(of(event), event, call),
      },
    };
  },
});

async function inspectNodes(balancers: readonly Balancer[], event: BalanceEvent, { signal }: HookCall) {
  const { done, failed } = await acrossBalancers(balancers, async ({ driver }) => {
    return createPatience(
      signal,
      shortPatienceMs,
    )(async () => {
      const servers = await driver.find(event.nodes, signal);
      return servers.length === 0 ? [] : driver.look(servers, signal);
    });
  });
  // What the others say is worth more than an error; the node's state is unknown then.
  if (failed.length === balancers.length) throwFailures(failed, namesOf(event));
  const looks = done.flatMap(({ value }) => value);
  const nodes = event.nodes.flatMap(({ name }) => {
    const own = looks.filter(({ server }) => server.node === name);
    const merged = mergeLooks(name, own);
    if (failed.length > 0) return [{ ...merged, state: 'unknown' as const }];
    return own.length === 0 ? [] : [merged];
  });
  const notes = [...failed.map(failureText), ...looks.flatMap(troubleText)];
  return { nodes, ...(notes.length === 0 ? {} : { note: notes.join('; ') }) };
}

function troubleText({ server, trouble }: ServerLook): string[] {
  return trouble === null ? [] : [`${server.label} is in, but ${trouble}`];
}

async function findServers(
  { config, driver }: Balancer,
  nodes: readonly BalancedNode[],
  signal: AbortSignal,
): Promise<readonly BalancedServer[]> {
  const servers = await createPatience(signal)(() => driver.find(nodes, signal));
  const missing = nodes.filter(({ name }) => !servers.some(({ node }) => node === name));
  if (config.required && missing.length > 0)
    throw new PluginError(`has no server for ${missing.map(({ name }) => name).join(', ')}`, {
      fix: `Add it to the balancer, name it in \`servers\`, or set \`required: false\` for ${config.name}.`,
      retryable: false,
    });
  return servers;
}

function programsOf(balancer: BalancerConfig): string[] {
  switch (balancer.kind) {
    case 'nginx':
      return [balancer.program];
    case 'command':
      return Object.values(balancer.commands).flatMap((command) => command?.[0] ?? []);
    default:
      return [];
  }
}

function namesOf({ nodes }: BalanceEvent): string[] {
  return nodes.map(({ name }) => name);
}

function checkNode(name: string): void {
  if (!nodeName.safeParse(name).success)
    throw new PluginError(
      `${JSON.stringify(name.slice(0, 80))} is no name of a node that can be told to a balancer`,
      {
        fix: 'Letters, digits, dots, dashes and underscores.',
        retryable: false,
      },
    );
}
