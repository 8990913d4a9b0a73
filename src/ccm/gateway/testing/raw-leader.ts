// An accepted leader's link without an agent, and nodes behind it: what they sign and what the leader carries is the test's, word for word.

import type { KeyObject } from 'node:crypto';
import { X509Certificate } from 'node:crypto';
import { leaderProfile, type SignedFrame, type Told } from '../../../model/leader-messages.ts';
import type { CcmMessage, Hello } from '../../../model/messages.ts';
import { signFrame } from '../../../net/relay/signed-frame.ts';
import { digestOfReleaseKeys, untold } from '../../../net/relay/told.ts';
import type { NodeCredentials } from '../../../net/testing/node-credentials.ts';
import { until } from '../../../plugins/testing/until.ts';
import { connectRawAgent, helloOf, type RawAgent } from './raw-agent.ts';
import type { RunningGateway } from './running-gateway.ts';

export type Received<T extends CcmMessage['type']> = Extract<CcmMessage, { type: T }>;

export interface RawLeader extends RawAgent {
  /** The newest; throws when it has none. */
  session(): string;
  got<T extends CcmMessage['type']>(type: T): Received<T>[];
  /** The answers to this node's openings, in order. */
  answers(node: string): string[];
  /** Carries the opening of a node and waits for `answers` answers of the CCM. */
  open(member: RawMember, more?: OpeningParts): Promise<string>;
  carry(...frames: SignedFrame[]): void;
}

export interface RawMember extends NodeCredentials {
  /** The next word, signed. */
  sign(session: string, value: unknown): SignedFrame;
}

export interface OpeningParts {
  readonly hello?: Partial<Hello>;
  readonly told?: Partial<Told>;
}

export const segment = 'a'.repeat(32);

/** What a node was told that the running gateway's empty welcome tells. */
export const emptyTold: Told = {
  releaseKeys: digestOfReleaseKeys([]),
  segment: untold,
  revocations: untold,
  sites: {},
};

/** Registered in the segment, connected, and accepted. `more`: other profiles that its hello names. */
export async function connectRawLeader(
  running: RunningGateway,
  node: string,
  of = segment,
  more: readonly string[] = [],
): Promise<RawLeader> {
  const { identity } = await running.addNode(node);
  running.segments.set(node, of);
  const agent = await connectRawAgent(running, identity);
  agent.say(helloOf(node, { profiles: ['linux-web-1', leaderProfile, ...more] }));
  await until('it is welcomed', () => agent.received.length > 0);
  running.gateway.appoint(of, node);
  const got = <T extends CcmMessage['type']>(type: T) =>
    agent.received.filter(
      (message): message is Received<T> & RawAgent['received'][number] => message.type === type,
    );
  await until('it has a session', () => got('leaderSession').length > 0);
  const answers = (name: string): string[] =>
    got('relayAnswer').flatMap((message) => (message.node === name ? [message.answer] : []));
  const session = (): string => got('leaderSession').at(-1)?.session as string;
  return {
    ...agent,
    session,
    got,
    answers,
    async open(member, more) {
      const before = answers(member.node).length;
      agent.say(openingOf(member, session(), more));
      await until('the opening is answered', () => answers(member.node).length > before);
      return answers(member.node)[before] as string;
    },
    carry: (...frames) => agent.say({ type: 'relayed', frames }),
  };
}

/** A node registered in the segment, without a link. */
export async function addRawMember(
  running: RunningGateway,
  node: string,
  of: string | null = segment,
): Promise<RawMember> {
  if (of !== null) running.segments.set(node, of);
  return rawMember(await running.addNode(node));
}

export function rawMember(credentials: NodeCredentials, key: KeyObject = credentials.key): RawMember {
  let counter = -1;
  return {
    ...credentials,
    sign(session, value) {
      counter += 1;
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return signFrame({ session, node: credentials.node, counter, text }, key);
    },
  };
}

export function openingOf(member: RawMember, session: string, { hello, told }: OpeningParts = {}) {
  const { node } = member;
  const opening = {
    hello: helloOf(node, { profiles: ['linux-web-1', leaderProfile], ...hello }),
    told: { ...emptyTold, ...told },
  };
  return {
    type: 'relayOpen',
    certificate: certificateOf(member),
    frame: member.sign(session, opening),
  } as const;
}

export function certificateOf({ identity }: Pick<NodeCredentials, 'identity'>): string {
  return new X509Certificate(identity.certificate).raw.toString('base64');
}
