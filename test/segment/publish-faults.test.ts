// Eleven networks that do not do what they should, each at one member of a segment whose leader is at work: what is published is live on all of them, and
// what is wrong is said where an operator looks.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MulticastSessionResource } from '../../src/model/segment-resources.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { createAuthor } from '../lab/author.ts';
import { createLan, type LanHost } from '../lab/lan.ts';
import { createFleet, logOf } from '../lab/program-fleet.ts';
import { runProgram } from '../lab/run-program.ts';
import { untilLive } from '../lab/until-live.ts';
import { firewall } from './lan-nodes.ts';

const untilMs = 60_000;
const udpPorts = 'udp dport 17446-17480';

interface Fault {
  readonly what: string;
  /** Before any agent runs. */
  apply?(host: LanHost, others: readonly LanHost[]): Promise<void>;
  readonly segment?: Readonly<Record<string, unknown>>;
  /** What `node show` says of its channel. */
  readonly reason?: RegExp;
  /** What the leader's multicast session says of it (`segment show`). */
  readonly session?: RegExp;
  /** What its log says. */
  readonly log?: RegExp;
  /** It cannot be behind the leader. */
  readonly isDirect?: boolean;
}

const faults: readonly Fault[] = [
  {
    what: 'multicast does not arrive at it',
    apply: (host) => firewall(host, { in: 'ip daddr 224.0.0.0/4 udp dport 17446-17480 drop' }),
    reason: /does not arrive at this node/,
  },
  {
    what: 'its own multicast does not arrive at the others',
    apply: (host) => onTheWay(host, `ip daddr 224.0.0.0/4 ${udpPorts} drop`),
    reason: /from this node does not arrive/,
  },
  {
    what: 'its switch does not hear its IGMP, so it forwards no group to it',
    apply: (host) =>
      // No group reaches its port, nor leaves it.
      firewall(host, { in: 'ip daddr 224.0.0.0/4 drop', out: 'ip protocol igmp drop' }),
    reason: /does not arrive at this node/,
  },
  { what: 'an MTU of 1,400', apply: mtu(1_400), session: /fetches by unicast/ },
  { what: 'an MTU of 1,280', apply: mtu(1_280), session: /fetches by unicast/ },
  {
    // On its way in: what a host's own firewall drops of what it sends is an error to who sends it.
    what: 'a loss of 20 %',
    apply: (host) => firewall(host, { in: `${udpPorts} numgen random mod 100 < 20 drop` }),
    reason: /\d+ %|does not arrive/,
  },
  { what: 'its interface goes down and comes back during a publish', log: /takes part in its segment/ },
  {
    what: 'a wrong interface is named',
    segment: { interface: 'nope0' },
    reason: /nope0/,
    isDirect: true,
  },
  {
    what: 'the leader’s port is blocked for TCP',
    apply: (host) => firewall(host, { out: 'tcp dport 17447-17454 drop' }),
    log: /cannot be reached at|no answer/,
    isDirect: true,
  },
  {
    what: 'its UDP ports are blocked both ways',
    apply: (host) => firewall(host, { in: `${udpPorts} drop`, out: `${udpPorts} drop` }),
    reason: /^Multicast to .* is refused on eth0/,
    isDirect: true,
  },
  {
    what: 'it hears nobody',
    apply: (host) => firewall(host, { in: `${udpPorts} drop` }),
    reason: /^(?:None of the others|Nobody else is known)/,
    isDirect: true,
  },
];

testNeeding(
  ['netns', 'nft', 'git'],
  'X4 R7 N15: eleven network faults, each at a member: every publish is live everywhere, and each fault is named',
  async (t) => {
    const author = await createAuthor();
    t.after(() => author.remove());
    const lan = await createLan({ hosts: faults.length + 3 });
    t.after(() => lan.close());
    const [ccm, ...places] = lan.hosts as [LanHost, ...LanHost[]];
    const healthy = places.length - faults.length;
    for (const [index, { apply }] of faults.entries()) {
      const host = places[healthy + index] as LanHost;
      await apply?.(
        host,
        places.filter((other) => other !== host),
      );
    }
    const home = await mkdtemp(join(tmpdir(), 'treecast-faults-'));
    t.after(() => rm(home, { recursive: true, force: true, maxRetries: 20 }));
    const fleet = await createFleet(home, ccm, places, {
      relay: true,
      logFiles: true,
      logLevel: 'info',
      agent: (index) => ({
        segment: { ...(index < healthy ? {} : { lead: 'never' }), ...faults[index - healthy]?.segment },
      }),
    });
    t.after(() => fleet.close());
    const { client } = fleet;
    const nameOf = (index: number): string => `node${healthy + index + 1}`;

    async function publish(bytes: number): Promise<void> {
      await author.write('index.html', `${bytes}\n`);
      await author.write('large.bin', randomBytes(bytes));
      const tree = await author.commit();
      const pushed = await author.push(fleet.remote);
      assert.equal(pushed.code, 0, pushed.stderr);
      await untilLive(fleet, tree);
    }

    let seen = '';
    await until(
      () => `all are where they can be: ${seen}`,
      async () => {
        const nodes = await client.nodes.list();
        seen = JSON.stringify(nodes.map(({ name, connected, behind }) => [name, connected, behind?.leader]));
        return nodes.every(({ name, connected, behind }) => {
          const index = Number(name.replace('node', '')) - 1 - healthy;
          if (!connected) return false;
          return index < 0 || (behind === null) === (faults[index]?.isDirect === true);
        });
      },
      untilMs,
    );
    await publish(100);
    const sessions = async (): Promise<MulticastSessionResource[]> =>
      (await client.segments.list()).flatMap((segment) => segment.sessions);
    await until(
      'a publish goes by multicast',
      async () => {
        await publish(3_000_000);
        return (await sessions()).some(({ isRunning }) => !isRunning);
      },
      untilMs,
    );
    for (const [index, { what, reason, session, log }] of faults.entries()) {
      await t.test(what, async () => {
        let said = '';
        await until(
          () => `it is named: ${said}`,
          async () => {
            const node = nameOf(index);
            if (log !== undefined) said = await readFile(logOf(home, node), 'utf8');
            else if (session !== undefined) {
              said = whyOf(node, await sessions());
              // It may have come too late for the last one.
              if (!session.test(said)) await publish(3_000_000);
            } else said = (await client.nodes.get(node)).election?.reason ?? '';
            return (log ?? session ?? reason)?.test(said) === true;
          },
          untilMs,
        );
      });
    }

    const flapping = places[healthy + faults.findIndex(({ what }) => /goes down/.test(what))] as LanHost;
    await author.write('index.html', 'while it is down\n');
    await author.write('large.bin', randomBytes(4_000_000));
    const tree = await author.commit();
    const pushing = author.push(fleet.remote);
    await flapping.run('ip', ['link', 'set', 'eth0', 'down']);
    await until('the CCM has the publish', async () => (await client.sites.status(fleet.site)).job !== null);
    await flapping.run('ip', ['link', 'set', 'eth0', 'up']);
    await flapping.run('ip', ['route', 'replace', '224.0.0.0/4', 'dev', 'eth0']);
    await pushing;
    await untilLive(fleet, tree);
  },
);

function whyOf(node: string, sessions: readonly MulticastSessionResource[]): string {
  const said = sessions.flatMap(({ incomplete }) => incomplete).filter((receiver) => receiver.node === node);
  return said.map(({ why }) => why).join(' ');
}

/** As a switch would do it: the host itself hears of no error. */
async function onTheWay(host: LanHost, rule: string): Promise<void> {
  const text = `table bridge lab { chain forward { type filter hook forward priority 0; ip saddr ${host.address} ${rule}; }; }\n`;
  await runProgram('ip', ['netns', 'exec', host.hub, 'nft', '-f', '-'], { input: text });
}

function mtu(bytes: number): (host: LanHost) => Promise<void> {
  return async (host) => {
    await host.run('ip', ['link', 'set', 'eth0', 'mtu', String(bytes)]);
  };
}
