// The driver over real sockets on this machine's own interface: nodes find a leader, say goodbye, move, and cost little.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { ControlChannel } from '../../model/segment.ts';
import { until } from '../../plugins/testing/until.ts';
import { segmentTimings } from '../../protocol/segment/timing.ts';
import { issueNodeCredentials } from '../testing/node-credentials.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { createCertificateAuthority } from '../tls/certificate-authority.ts';
import { startNode, type TestNode, type TestNodeOptions } from './testing/start-node.ts';

/** Groups and ports of their own, so that nothing else on this machine is heard. */
const place: ControlChannel = {
  transport: 'multicast',
  group: `239.255.${randomBytes(1)[0]}.${(randomBytes(1)[0] as number) || 1}`,
  port: 20_000 + (randomBytes(2).readUInt16BE() % 10_000),
};
const segment = randomBytes(16).toString('hex');
const timing = { ...segmentTimings.fast, listenMs: 500, windowMs: 300, quietMs: 100 };

async function start(
  t: TestContext,
  count: number,
  options: (index: number) => Partial<TestNodeOptions> = () => ({}),
): Promise<TestNode[]> {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const nodes: TestNode[] = [];
  t.after(async () => {
    for (const { driver } of nodes) await driver.close();
  });
  for (let index = 0; index < count; index += 1) {
    nodes.push(
      await startNode({
        credentials: await issueNodeCredentials(authority, `node-${index + 1}`),
        authorities: authority.certificate,
        place,
        segment,
        wanted: 'lo',
        timing,
        ...options(index),
      }),
    );
  }
  return nodes;
}

const describe = (nodes: readonly TestNode[]): string =>
  nodes
    .map(({ node, driver }) => {
      const { state, leader, members } = driver.machine();
      return `${node} ${state} ${leader ?? '-'} ${members.length}`;
    })
    .join('; ');

/** All of them follow one leader, and have the whole list. */
async function settled(nodes: readonly TestNode[]): Promise<TestNode> {
  await until(
    () => `all have one leader: ${describe(nodes)}`,
    () => {
      const [first] = nodes;
      return nodes.every(({ driver }) => {
        const { leader, isRegistered, members } = driver.machine();
        const online = members.filter((member) => member.online).length;
        return (
          leader !== null &&
          leader === first?.driver.machine().leader &&
          isRegistered &&
          online === nodes.length
        );
      });
    },
  );
  const name = nodes[0]?.driver.machine().leader;
  return nodes.find(({ node }) => node === name) as TestNode;
}

test('CHAN-13 CHAN-18: nodes of one machine find their leader by multicast, which voted durably before; the rest follows when it leaves', async (t) => {
  const nodes = await start(t, 3);
  const leader = await settled(nodes);
  assert.deepEqual(leader.ballots[0]?.ballot.vote, leader.node);
  for (const { driver } of nodes) {
    await until('it was tested by both others', async () => (await driver.station.test()).answered === 2);
    assert.equal(driver.state().verdict?.transport, 'multicast');
    // Its own echoes, and probes of nodes that it did not know yet.
    const { own: _own, 'passed-over': _probes, ...others } = driver.state().dropped;
    assert.deepEqual(others, {});
  }
  const rest = nodes.filter((node) => node !== leader);
  await leader.driver.close();
  const next = await settled(rest);
  assert.notEqual(next.node, leader.node);
});

test('CHAN-13: a unicast segment whose nodes know each other’s places', async (t) => {
  const nodes = await start(t, 3, () => ({
    place: { transport: 'unicast', group: null, port: place.port + 100 },
  }));
  const places = nodes.map(({ node, driver }) => {
    const { address = '', port = 0 } = driver.state().own ?? {};
    return { node, address, port };
  });
  for (const { driver } of nodes) driver.peers(places, 2);
  await settled(nodes);
});

test('CHAN-18: a node whose disk takes no ballot never leads and never votes; the others do', async (t) => {
  const nodes = await start(t, 3, (index) =>
    index === 0 ? { cpus: 64, persist: () => Promise.reject(new Error('no space left')) } : {},
  );
  const [full, ...rest] = nodes as [TestNode, TestNode, TestNode];
  await until(
    () => describe(nodes),
    () => rest.every(({ driver }) => driver.machine().leader !== null && driver.machine().isRegistered),
  );
  assert.equal(
    full.facts.some((fact) => fact.fact === 'leader' && fact.self),
    false,
  );
  assert.equal(
    rest.some(({ driver }) => driver.machine().leader === full.node),
    false,
  );
});

test('CHAN-11: a leader takes its segment to another id and channel: the leader stays, and ballots are there before anything is said', async (t) => {
  const nodes = await start(t, 3);
  const leader = await settled(nodes);
  const { term } = leader.driver.machine();
  const next = randomBytes(16).toString('hex');
  const channel = { ...place, port: place.port + 200 };
  leader.driver.input({ input: 'move', to: { segment: next, channel } });
  await until(
    () => describe(nodes),
    () => nodes.every(({ driver }) => driver.state().place.port === channel.port),
  );
  assert.equal((await settled(nodes)).node, leader.node);
  assert.equal(leader.driver.machine().term, term);
  for (const { ballots } of nodes) assert.ok(ballots.some((entry) => entry.segment === next));
});

test('CHAN-19: what a node that does not lead sends and receives for 50 members is below 1,000 B/s', async (t) => {
  const nodes = await start(t, 3);
  const leader = await settled(nodes);
  const member = nodes.find((node) => node !== leader) as TestNode;
  const bytesOf = (): number => {
    const { sentBytes, receivedBytes } = member.driver.state();
    return sentBytes + receivedBytes;
  };
  // An LA each 500 ms and a `here` each 1.5 s; neither depends on how many members there are.
  const from = { bytes: bytesOf(), at: performance.now() };
  await until('some seconds have passed', () => performance.now() - from.at > 3_000);
  const perSecond = ((bytesOf() - from.bytes) / (performance.now() - from.at)) * 1_000;
  assert.ok(perSecond < 1_000, `${Math.round(perSecond)} B/s`);
});

test('a defect in the machine is told, and ends the node’s part in the segment, not the process', async (t) => {
  const told: unknown[] = [];
  const wrong = new Error('a defect');
  const [node] = await start(t, 1, () => ({
    wrap: (machine) => ({
      ...machine,
      onTimeout() {
        throw wrong;
      },
    }),
    onBroken: (error) => told.push(error),
  }));
  await until('it is told', () => told.length > 0);
  assert.deepEqual(told, [wrong]);
  node?.driver.peers([], 3);
  await node?.driver.close();
  assert.equal(told.length, 1);
});
