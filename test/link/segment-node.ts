// A node without an agent: it joined, and what it says of its segment is said by the test, word for word.

import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import WebSocket, { type ClientOptions } from 'ws';
import { joinCcm } from '../../src/agent/join/join-ccm.ts';
import { openNodeIdentity } from '../../src/agent/join/node-identity.ts';
import { helloOf } from '../../src/ccm/gateway/testing/raw-agent.ts';
import { leaderProfile } from '../../src/model/leader-messages.ts';
import type { CcmMessage, Hello } from '../../src/model/messages.ts';
import { type SegmentAgentMessage, segmentProfile } from '../../src/model/segment-messages.ts';
import { exportPrivateKey } from '../../src/net/tls/key-pair.ts';
import { ccmConnectionOptions, type TlsCredentials } from '../../src/net/tls/tls-settings.ts';
import { until } from '../../src/plugins/testing/until.ts';

type Message<T extends CcmMessage['type']> = Extract<CcmMessage, { type: T }>;
type Report = Extract<SegmentAgentMessage, { type: 'segmentReport' }>;
type State = Extract<SegmentAgentMessage, { type: 'segmentState' }>;

export interface SegmentNode {
  readonly name: string;
  readonly key: KeyObject;
  readonly tls: TlsCredentials;
  /** On the present connection, in order. */
  readonly received: CcmMessage[];
  /** All of that type, in order. */
  got<T extends CcmMessage['type']>(type: T): Message<T>[];
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  say(value: unknown): void;
  /** Waits for one of that type that is as wanted. */
  until<T extends CcmMessage['type']>(
    type: T,
    isWanted?: (message: Message<T>) => boolean,
  ): Promise<Message<T>>;
  /** About the segment that it was told of last. */
  report(others: readonly string[], more?: Partial<Report>): void;
  state(more?: Partial<State>): void;
}

/** Joins with the token into `directory` unless it has; connects, and waits until it was told of its segment. */
export async function connectSegmentNode(
  name: string,
  directory: string,
  token?: string,
  hello: Partial<Hello> = {},
): Promise<SegmentNode> {
  if (token !== undefined) await joinCcm({ token, name, directory });
  const opened = await openNodeIdentity(directory);
  assert.ok(opened !== undefined);
  const { identity, key } = opened;
  const tls = {
    identity: { key: exportPrivateKey(key), certificate: identity.certificate },
    ca: identity.ca,
  };
  const socket = new WebSocket(`${identity.ccmUrl.replace('https', 'wss')}/agent`, {
    ...(ccmConnectionOptions(tls) as unknown as ClientOptions),
    perMessageDeflate: false,
  });
  const received: CcmMessage[] = [];
  socket.on('message', (data) => received.push(JSON.parse(String(data)) as CcmMessage));
  const closed = new Promise<number>((resolve) => {
    socket.on('close', resolve);
  });
  await once(socket, 'open');
  socket.on('error', () => undefined);

  const of = <T extends CcmMessage['type']>(type: T): Message<T>[] =>
    received.filter((message): message is Message<T> => message.type === type);
  const segment = (): string => of('segment').at(-1)?.id ?? '';
  const node: SegmentNode = {
    name,
    key,
    tls,
    received,
    got: of,
    socket,
    closed,
    say: (value) => socket.send(JSON.stringify(value)),
    async until(type, isWanted = () => true) {
      const find = () => of(type).findLast(isWanted);
      await until(`${name} is told: ${type}`, () => find() !== undefined);
      return find() as Message<typeof type>;
    },
    report(others, more = {}) {
      const members = [name, ...others].map((member) => ({
        node: member,
        online: true,
        address: '127.0.0.1',
        port: 9,
        capabilities: [],
        offer: null,
      }));
      node.say({
        type: 'segmentReport',
        segment: segment(),
        term: 1,
        priority: 0.5,
        leader: name,
        list: 1,
        triggers: ['timer'],
        members,
        location: null,
        timeZone: 'UTC',
        freeBytes: 1,
        cpus: 2,
        connections: 3,
        ...more,
      });
    },
    state(more = {}) {
      node.say({
        type: 'segmentState',
        segment: segment(),
        state: 'known',
        term: 1,
        leader: null,
        priority: 0.5,
        priorityTerms: { cpu: 0.25, factor: 1 },
        aliveAgoMs: 100,
        address: '127.0.0.1',
        port: 9,
        transport: 'multicast',
        reason: 'group delivery works both ways',
        heard: [],
        dropped: {},
        ...more,
      });
    },
  };
  node.say(helloOf(name, { profiles: ['linux-web-1', segmentProfile, leaderProfile], ...hello }));
  await node.until('segment');
  return node;
}
