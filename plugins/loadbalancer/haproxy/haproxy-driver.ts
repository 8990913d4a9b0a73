// Speaks to one HAProxy process by its runtime API. Nothing is remembered here: what HAProxy says is read back each time, because a
// reload or restart forgets all of it.

import { type BalancedNode, PluginError } from 'treecast/plugin';
import type { BalancedServer, BalancerDriver, ServerLook } from '../balancer-driver.ts';
import type { HaproxyConfig, HaproxyNames } from './haproxy-config.ts';
import { createOldProcesses } from './old-processes.ts';
import { createRuntimeApi, type RuntimeApi } from './runtime-api.ts';
import { parseServersState, type ServerAdmin } from './servers-state.ts';
import { parseStatCsv } from './stat-csv.ts';

export interface HaproxyServer extends BalancedServer {
  readonly backend: string;
  readonly server: string;
}

const weightMax = 256;
/** Below this a share of the weight is too coarse to be told without a word. */
const usualWeightFine = 10;

export function createHaproxyDriver(
  name: string,
  { socket, master }: { readonly socket: string; readonly master?: string | undefined },
  config: HaproxyConfig,
): BalancerDriver<HaproxyServer> {
  const api = createRuntimeApi(socket);
  const old = master === undefined ? undefined : createOldProcesses(createRuntimeApi(master, { quit: true }));

  async function readBackends(signal: AbortSignal): Promise<ReadonlyMap<string, Backend>> {
    const read = config.backends.map(
      async (backend) => [backend, await readBackend(api, backend, signal)] as const,
    );
    return new Map(await Promise.all(read));
  }

  return {
    name,
    async find(nodes, signal) {
      const backends = await readBackends(signal);
      return nodes.flatMap((node) => entriesOfNode(node, config, backends, socket));
    },
    async look(servers, signal) {
      const backends = await readBackends(signal);
      const left = (await old?.sessions(signal)) ?? new Map<string, number>();
      return servers.map((server) => {
        const { backend, server: entry, label } = server;
        const admin = backends.get(backend)?.get(entry);
        if (admin === undefined) throw gone(label, socket);
        return lookAt(server, admin, left.get(label) ?? 0);
      });
    },
    async takeOut(servers, signal) {
      for (const { label } of servers) await tell(api, `set server ${label} state drain`, signal);
    },
    async rest(servers, signal) {
      if (config.rest === 'drain') return;
      for (const { label } of servers) await tell(api, `set server ${label} state maint`, signal);
    },
    async force(servers, signal) {
      for (const { label } of servers) {
        // First maint: in drain, a persistent session may begin anew.
        await tell(api, `set server ${label} state maint`, signal);
        await tell(api, `shutdown sessions server ${label}`, signal);
      }
      await old?.endSessions(servers, signal);
    },
    async putBack(servers, signal) {
      const backends = await readBackends(signal);
      for (const { label, backend, server } of servers) {
        const admin = backends.get(backend)?.get(server);
        if (admin?.asked === 'maint' && admin.checked) {
          // A server that leaves maintenance is believed to be up until a check fails. Told that it is down, it gets nothing until its
          // checks have passed.
          await tell(api, `set server ${label} state drain`, signal);
          await tell(api, `set server ${label} health down`, signal);
        }
        await tell(api, `set server ${label} state ready`, signal);
      }
    },
    async weigh(servers, share, signal) {
      const backends = await readBackends(signal);
      const coarse: string[] = [];
      for (const { label, backend, server } of servers) {
        const usual = backends.get(backend)?.get(server)?.usualWeight;
        if (usual === undefined) throw gone(label, socket);
        const weight =
          share === 0 ? 0 : Math.min(weightMax, Math.max(Math.min(1, usual), Math.round(usual * share)));
        await tell(api, `set server ${label} weight ${weight}`, signal);
        if (share > 0 && share < 1 && usual < usualWeightFine) coarse.push(`${label} (${usual})`);
      }
      return coarse.length === 0
        ? undefined
        : `the usual weight is too small to be divided: ${coarse.join(', ')}; set \`weight 100\` in haproxy.cfg`;
    },
    async validate(signal) {
      await readBackends(signal);
      await old?.sessions(signal);
      // Names no server, so it changes nothing; below `level admin` it is refused for that first.
      await api(`set server ${config.backends[0]}`, signal);
    },
  };
}

interface ServerFacts extends ServerAdmin {
  readonly sessions: number;
  readonly trouble: string | null;
}

type Backend = ReadonlyMap<string, ServerFacts>;

async function readBackend(api: RuntimeApi, backend: string, signal: AbortSignal): Promise<Backend> {
  const state = await api(`show servers state ${backend}`, signal);
  if (/^Can't find backend/m.test(state))
    throw new PluginError(`there is no backend ${backend}`, {
      fix: 'Correct `backends`: they are the names after `backend` or `listen` in haproxy.cfg.',
      retryable: false,
    });
  const admins = parseServersState(state);
  const rows = parseStatCsv(await api(`show stat ${backend} 4 -1`, signal));
  const stats = new Map(rows.map((row) => [row.get('svname') ?? '', row]));
  return new Map(
    admins.map((admin) => {
      const row = stats.get(admin.server);
      // A star says that another check is under way.
      const why = [row?.get('check_status')?.replace(/^\* /, ''), row?.get('last_chk')].filter(
        (text) => text !== undefined && text !== '',
      );
      return [
        admin.server,
        {
          ...admin,
          sessions: count(row?.get('scur')) + count(row?.get('qcur')),
          trouble: admin.up ? null : `its check fails: ${printable(why.join(' ')) || 'down'}`,
        },
      ] as const;
    }),
  );
}

function lookAt(server: HaproxyServer, admin: ServerFacts, left: number): ServerLook<HaproxyServer> {
  const sessions = admin.sessions + left;
  const asked = admin.asked === 'ready' ? 'in' : 'draining';
  return {
    server,
    state: asked === 'draining' && sessions === 0 ? 'out' : asked,
    sessions,
    weight: admin.weight,
    trouble: asked === 'in' ? admin.trouble : null,
  };
}

function entriesOfNode(
  { name }: BalancedNode,
  { backends, servers }: HaproxyConfig,
  there: ReadonlyMap<string, Backend>,
  socket: string,
): HaproxyServer[] {
  const mapped = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (mapped !== undefined && !isList(mapped)) {
    return Object.entries(mapped).flatMap(([backend, names]) =>
      names.map((server) => {
        if (!there.get(backend)?.has(server)) throw gone(`${backend}/${server}`, socket);
        return { node: name, label: `${backend}/${server}`, backend, server };
      }),
    );
  }
  return (mapped ?? [name]).flatMap((server) => {
    const found = backends.filter((backend) => there.get(backend)?.has(server));
    // A name that the configuration gives has to be somewhere; a node's own name need not.
    if (found.length === 0 && mapped !== undefined) throw gone(`${server} (node ${name})`, socket);
    return found.map((backend) => ({ node: name, label: `${backend}/${server}`, backend, server }));
  });
}

function isList(value: HaproxyNames[string]): value is readonly string[] {
  return Array.isArray(value);
}

/** Commands that change something answer with an empty line; anything else is the reason why not. */
async function tell(api: RuntimeApi, command: string, signal: AbortSignal): Promise<void> {
  const answer = (await api(command, signal)).trim();
  if (answer !== '')
    throw new PluginError(`HAProxy refuses \`${command}\`: ${printable(answer)}`, {
      fix: 'Compare the names of backends and servers with haproxy.cfg; its runtime API has to be of HAProxy 2.4 or later.',
      retryable: false,
    });
}

function gone(what: string, socket: string): PluginError {
  return new PluginError(`there is no server ${what} at ${socket}`, {
    fix: 'Correct `servers` or add the server to haproxy.cfg.',
    retryable: false,
  });
}

function count(text: string | undefined): number {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : 0;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200);
}
