// What `doctor` looks at on the CCM that the CLI talks to: known, reachable, healthy, the token, the clock, the nodes.

import type { Client } from '../../client/client.ts';
import type { NodeResource, SegmentResource } from '../../model/api.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Connection } from '../connection.ts';
import { endingCertificates } from '../ending-certificates.ts';
import { countText } from '../text.ts';
import type { Check, Finding } from './check.ts';

const clockWarnMs = 2000;
const clockFailMs = 60_000;
const timeoutMs = 5000;

export function ccmChecks(connection: () => Promise<Connection>, client: () => Promise<Client>): Check[] {
  return [
    {
      name: 'context',
      async run() {
        const { api, source } = await connection();
        return { outcome: 'ok', message: `${api}, from ${sourceText[source]}` };
      },
    },
    { name: 'ccm', run: async () => (await health((await connection()).api)).finding },
    { name: 'clock', run: async () => clockFinding((await health((await connection()).api)).aheadMs) },
    {
      name: 'token',
      async run() {
        await (await client()).sites.list();
        return { outcome: 'ok', message: 'The CCM accepts the token.' };
      },
    },
    { name: 'nodes', run: async () => nodesFinding(await client()) },
    { name: 'segments', run: async () => segmentsFinding(await segmentsOf(await client())) },
    {
      name: 'certificates',
      run: async () => certificatesFinding(await (await client()).nodes.list(), Date.now()),
    },
  ];
}

const sourceText = {
  option: '--api',
  environment: 'TREECAST_API',
  context: 'the context file',
} as const;

interface Health {
  readonly finding: Finding;
  /** The CCM's clock minus this one's, as exactly as a `Date` header (whole seconds) tells; null when it has none. */
  readonly aheadMs: number | null;
}

async function health(api: string): Promise<Health> {
  const startedAt = Date.now();
  let response: Response;
  try {
    response = await fetch(`${api}/healthz`, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' });
    await response.body?.cancel();
  } catch {
    const finding: Finding = {
      outcome: 'fail',
      message: `The CCM at ${api} does not answer.`,
      fix: 'Check that it runs (`treecast up` or `treecast ccm run`), the URL, and firewalls on the way.',
    };
    return { finding, aheadMs: null };
  }
  const tookMs = Date.now() - startedAt;
  const date = Date.parse(response.headers.get('date') ?? '');
  const aheadMs = Number.isNaN(date) ? null : Math.trunc(date + 500 - (startedAt + tookMs / 2));
  if (response.ok)
    return { finding: { outcome: 'ok', message: `${api} is healthy (${tookMs} ms)` }, aheadMs };
  const finding: Finding = {
    outcome: 'fail',
    message: `${api}/healthz answers ${response.status}.`,
    fix: 'Check that this is the public port of a CCM, and look into its log.',
  };
  return { finding, aheadMs };
}

export function clockFinding(aheadMs: number | null): Finding {
  if (aheadMs === null) {
    return {
      outcome: 'warn',
      message: 'The clock of the CCM is not known.',
      fix: 'See the check named ccm.',
    };
  }
  const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
  if (Math.abs(aheadMs) <= clockWarnMs) {
    return { outcome: 'ok', message: 'The clocks of the CCM and this machine agree within 2 s.' };
  }
  return {
    outcome: Math.abs(aheadMs) > clockFailMs ? 'fail' : 'warn',
    message: `The clock of the CCM is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this one.`,
    fix: 'Run a time service such as chrony or systemd-timesyncd on both machines.',
  };
}

export function certificatesFinding(
  nodes: readonly Pick<NodeResource, 'name' | 'certificate'>[],
  nowMs: number,
): Finding {
  const ending = endingCertificates(nodes, nowMs);
  if (ending.length === 0) return { outcome: 'ok', message: 'No node’s certificate ends soon.' };
  const names = ending.map(
    ({ name, certificate }) =>
      `${name} (${certificate === null ? 'none' : certificate.expiresAt.slice(0, 10)})`,
  );
  return {
    outcome: 'warn',
    message: `Certificates that have ended or end within two weeks: ${names.join(', ')}`,
    fix: 'Agents renew by themselves while they reach the CCM: see that these run, and what their logs say.',
  };
}

/** Nothing is held up by it today, and it tells of a network that is not as it was meant. */
export function segmentsFinding(
  segments: readonly Pick<SegmentResource, 'name' | 'leader' | 'refused' | 'members'>[],
): Finding {
  const leaderless = segments.filter(
    ({ leader, members }) => leader === null && members.some(({ connected }) => connected),
  );
  const split = segments.filter(({ refused }) => refused.length > 0);
  if (leaderless.length + split.length === 0) {
    const led = segments.filter(({ leader }) => leader !== null).length;
    return { outcome: 'ok', message: `${countText(led, 'segment')} with a leader` };
  }
  const said = [
    ...leaderless.map(({ name }) => `${name} has no leader`),
    ...split.map(
      ({ name, refused }) =>
        `${name} is in parts (${refused.map(({ leader }) => leader).join(', ')} refused)`,
    ),
  ];
  return {
    outcome: 'warn',
    message: `Segments: ${said.join('; ')}`,
    fix: 'See who hears whom: `treecast segment show SEGMENT`, `treecast node show NODE`. After a change on the network this passes by itself.',
  };
}

/** A CCM of before segments has none. */
async function segmentsOf(client: Client): Promise<readonly SegmentResource[]> {
  return client.segments.list().catch((error: unknown) => {
    if (error instanceof TreecastError && error.code === 'NOT_FOUND') return [];
    throw error;
  });
}

async function nodesFinding(client: Client): Promise<Finding> {
  const nodes = await client.nodes.list();
  const away = nodes.filter(({ connected, maintenance }) => !connected && !maintenance);
  if (nodes.length === 0) {
    return {
      outcome: 'warn',
      message: 'No node has joined yet.',
      fix: 'Create a token with `treecast node join-token` and run `treecast agent join` on a server.',
    };
  }
  if (away.length === 0)
    return { outcome: 'ok', message: `${countText(nodes.length, 'node')}, all connected or in maintenance` };
  return {
    outcome: 'warn',
    message: `Not connected: ${away.map(({ name }) => name).join(', ')}`,
    fix: "Check that the agents run and reach the agents' port of the CCM.",
  };
}
