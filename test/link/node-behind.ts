// A node without an agent that goes behind a leader without one: it remembers what it was told over its own link, and signs its words.

import { X509Certificate } from 'node:crypto';
import { signObject } from '../../src/assignment/signed.ts';
import { helloOf } from '../../src/ccm/gateway/testing/raw-agent.ts';
import { leaderProfile, type SignedFrame, type Told } from '../../src/model/leader-messages.ts';
import type { Hello } from '../../src/model/messages.ts';
import type { Receipt } from '../../src/model/receipt.ts';
import { segmentProfile } from '../../src/model/segment-messages.ts';
import { signFrame } from '../../src/net/relay/signed-frame.ts';
import {
  digestOfGrant,
  digestOfReleaseKeys,
  digestOfRevocations,
  digestOfSegment,
  untold,
} from '../../src/net/relay/told.ts';
import { until } from '../../src/plugins/testing/until.ts';
import type { SegmentNode } from './segment-node.ts';

export interface NodeBehind {
  readonly name: string;
  /** Opens and waits for the answer. */
  open(hello?: Partial<Hello>): Promise<string>;
  /** The last answer to it. */
  answer(): string | undefined;
  frame(message: object): SignedFrame;
  /** One frame a bundle. */
  say(message: object): void;
  receipt(
    site: string,
    phase: Receipt['phase'],
    release: Receipt['release'],
    tree: string | null,
  ): Receipt & { readonly signature: string };
}

/** `node`: its last link of its own, which may have ended. `leader`: has a session. */
export function nodeBehind(node: SegmentNode, leader: SegmentNode): NodeBehind {
  const { name, key } = node;
  let counter = Date.now();
  const session = (): string => leader.got('leaderSession').at(-1)?.session ?? '';
  const answers = () => leader.got('relayAnswer').filter((message) => message.node === name);
  const frame = (message: object): SignedFrame =>
    signFrame({ session: session(), node: name, counter: counter++, text: JSON.stringify(message) }, key);
  return {
    name,
    async open(hello = {}) {
      const before = answers().length;
      const profiles = ['linux-web-1', segmentProfile, leaderProfile];
      const opening = { hello: helloOf(name, { profiles, ...hello }), told: toldOf(node) };
      const certificate = new X509Certificate(node.tls.identity.certificate).raw.toString('base64');
      leader.say({ type: 'relayOpen', certificate, frame: frame(opening) });
      await until(`${name} is answered`, () => answers().length > before);
      return answers()[before]?.answer ?? '';
    },
    answer: () => answers().at(-1)?.answer,
    frame,
    say: (message) => leader.say({ type: 'relayed', frames: [frame(message)] }),
    receipt: (site, phase, release, tree) =>
      signObject(
        { version: 1, node: name, site, phase, scope: 'changed', release, tree, at: Date.now() },
        key,
      ),
  };
}

function toldOf(node: SegmentNode): Told {
  const welcome = node.got('welcome').at(-1);
  const segment = node.got('segment').at(-1);
  const revocations = node.got('revocations').at(-1);
  const grants = [...(welcome?.sites ?? []), ...node.got('grant').map(({ grant }) => grant)];
  return {
    releaseKeys: digestOfReleaseKeys(welcome?.releaseKeys ?? []),
    segment: segment === undefined ? untold : digestOfSegment(segment),
    revocations: revocations === undefined ? untold : digestOfRevocations(revocations),
    sites: Object.fromEntries(grants.map((grant) => [grant.site, digestOfGrant(grant)])),
  };
}
