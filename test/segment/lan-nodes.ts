// Nodes of one segment on a LAN of namespaces: real sockets and signatures, each a process; asked for what they see until it is as it should be.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { StationState } from '../../src/net/segment/segment-station.ts';
import { issueNodeCredentials } from '../../src/net/testing/node-credentials.ts';
import { type TestScope, temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../src/net/tls/certificate-authority.ts';
import { until } from '../../src/plugins/testing/until.ts';
import type { MemberStatus } from '../../src/protocol/segment/segment-member.ts';
import { createLan, type Lan, type LanHost } from '../lab/lan.ts';
import type { ChildOptions, ChildOrder } from './node-child.ts';

export type NodeState = StationState & { readonly machine: MemberStatus };

export interface LanNode {
  readonly node: string;
  readonly host: LanHost;
  readonly process: ChildProcess;
  ask(order: ChildOrder): Promise<NodeState>;
  /** Asks until it is so; fails after a generous time with what was seen last. */
  until(what: string, holds: (state: NodeState) => boolean, order?: ChildOrder): Promise<NodeState>;
}

export interface SegmentLan {
  readonly lan: Lan;
  readonly authority: CertificateAuthority;
  start(host: number, options?: Partial<ChildOptions>): Promise<LanNode>;
}

export const testPlace = { transport: 'multicast', group: '239.255.84.67', port: 17_446 } as const;

const untilMs = 30_000;
const program = join(import.meta.dirname, 'node-child.ts');

export async function createSegmentLan(
  t: TestScope,
  options: Parameters<typeof createLan>[0],
): Promise<SegmentLan> {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const lan = await createLan(options);
  const children: ChildProcess[] = [];
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await lan.close();
  });
  return {
    lan,
    authority,
    async start(index, more = {}) {
      const host = lan.hosts[index] as LanHost;
      const node = more.node ?? `web-${index + 1}`;
      const { identity } = await issueNodeCredentials(authority, node);
      const child = host.spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
      children.push(child);
      assert.ok(child.stdin !== null && child.stdout !== null);
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const say = async (value: unknown): Promise<NodeState> => {
        child.stdin?.write(`${JSON.stringify(value)}\n`);
        const { value: line, done } = await lines.next();
        if (done === true) throw new Error(`${node} has ended`);
        return JSON.parse(line) as NodeState;
      };
      await say({
        node,
        key: identity.key,
        certificate: identity.certificate,
        authorities: authority.certificate,
        segment: 'ab'.repeat(16),
        place: testPlace,
        ...(more.towards === undefined && { wanted: 'eth0' }),
        ...more,
      } satisfies ChildOptions);
      return {
        node,
        host,
        process: child,
        ask: say,
        async until(what, holds, order = { order: 'state' }) {
          let state = await say(order);
          await until(
            () => `${node} ${what}: ${JSON.stringify(state)}`,
            async () => {
              state = await say(order);
              return holds(state);
            },
            untilMs,
          );
          return state;
        },
      };
    },
  };
}

/** All of them have one leader, and are in its list. */
export async function settled(nodes: readonly LanNode[]): Promise<string> {
  const leaders = new Set<string>();
  for (const each of nodes) {
    const { machine } = await each.until('follows a leader and is registered', (state) => {
      const { leader, isRegistered, members } = state.machine;
      return (
        leader !== null && isRegistered && members.filter(({ online }) => online).length === nodes.length
      );
    });
    leaders.add(machine.leader as string);
  }
  assert.equal(leaders.size, 1, `leaders: ${[...leaders].join(', ')}`);
  return [...leaders][0] as string;
}

/** Rules for what arrives at a host, and for what leaves it. */
export async function firewall(
  host: LanHost,
  rules: { readonly in?: string; readonly out?: string },
): Promise<void> {
  const chain = (way: 'input' | 'output', rule = ''): string =>
    `chain ${way} { type filter hook ${way} priority 0; ${rule}; }`;
  await host.run(
    'nft',
    ['-f', '-'],
    `flush ruleset\ntable inet lab {\n${chain('input', rules.in)}\n${chain('output', rules.out)}\n}\n`,
  );
}

export const multicastIn = 'ip daddr 224.0.0.0/4 udp dport 17446 drop';
export const reasonOf = (state: NodeState): string => state.verdict?.reason ?? '';
/** What the last test with others found. */
export const tested = (node: LanNode, transport: 'multicast' | 'unicast'): Promise<NodeState> =>
  node.until(
    `uses ${transport}`,
    (state) => state.verdict?.transport === transport && state.verdict.answered > 0,
    { order: 'test' },
  );
export const placesOf = async (nodes: readonly LanNode[]) =>
  Promise.all(
    nodes.map(async (each) => {
      const { own } = await each.until('is reached', (state) => state.own !== null);
      return { node: each.node, address: own?.address ?? '', port: own?.port ?? 0 };
    }),
  );
