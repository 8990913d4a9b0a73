// Nodes of one or several CCMs around a table: authenticators whose datagrams reach each other at once, each recorded, over a clock that the
// test moves. No sockets: those are the channels' tests'.

import { unassignedSegment } from '../../../model/segment.ts';
import { issueNodeCredentials, type NodeCredentials } from '../../testing/node-credentials.ts';
import { type TestScope, temporaryDirectory } from '../../testing/temporary-directory.ts';
import type { CertificateAuthority } from '../../tls/certificate-authority.ts';
import { createCertificateAuthority } from '../../tls/certificate-authority.ts';
import { type Authenticator, type BelievedMessage, createAuthenticator } from '../trust/authenticator.ts';
import type { SocketAddress } from '../trust/peer-book.ts';
import type { Addressee } from '../wire/envelope.ts';
import type { SegmentMessage } from '../wire/segment-message.ts';

export interface Voice {
  readonly node: string;
  readonly source: SocketAddress;
  readonly authenticator: Authenticator;
  readonly credentials: NodeCredentials;
  /** What it believed. */
  readonly heard: BelievedMessage[];
  readonly twins: string[];
  readonly otherSegments: string[];
  segment: string;
  /** Speaks; everybody at the table hears it. */
  say(message: SegmentMessage, to?: Addressee): Buffer;
}

export interface VoiceOptions {
  readonly node: string;
  readonly credentials?: NodeCredentials;
  readonly authority?: CertificateAuthority;
  readonly boot?: number;
  readonly address?: string;
  readonly port?: number;
  readonly segment?: string;
}

export interface Table {
  readonly authority: CertificateAuthority;
  now: number;
  /** Every datagram that was sent, with its sender. */
  readonly sent: { readonly bytes: Buffer; readonly from: Voice }[];
  join(options: VoiceOptions): Promise<Voice>;
  /** Nothing reaches it any more. */
  leave(voice: Voice): void;
}

export async function layTable(t: TestScope): Promise<Table> {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const voices = new Set<Voice>();
  let joined = 0;
  const table: Table = {
    authority,
    now: 1_000,
    sent: [],
    async join(options) {
      joined += 1;
      const source = { address: options.address ?? `10.77.0.${joined}`, port: options.port ?? 7448 };
      const credentials =
        options.credentials ?? (await issueNodeCredentials(options.authority ?? authority, options.node));
      const heard: BelievedMessage[] = [];
      const twins: string[] = [];
      const otherSegments: string[] = [];
      const deliver = (bytes: Buffer, to: (other: Voice) => boolean): void => {
        table.sent.push({ bytes, from: voice });
        for (const other of voices) if (to(other)) other.authenticator.receive(bytes, source);
      };
      const authenticator = createAuthenticator({
        node: options.node,
        identity: () => ({ key: credentials.key, certificate: credentials.identity.certificate }),
        authorities: (options.authority ?? authority).certificate,
        boot: options.boot ?? 1,
        segment: () => voice.segment,
        wantsUnicast: () => false,
        ownSource: () => source,
        now: () => table.now,
        isOfInterest: () => true,
        onMessage: (message) => void heard.push(message),
        reply: (bytes, to) =>
          deliver(bytes, (other) => other.source.address === to.address && other.source.port === to.port),
        onOtherSegment: (segment) => void otherSegments.push(segment),
        onTwin: (node) => void twins.push(node),
      });
      const voice: Voice = {
        node: options.node,
        source,
        authenticator,
        credentials,
        heard,
        twins,
        otherSegments,
        segment: options.segment ?? unassignedSegment,
        say(message, to = 'group') {
          const bytes = authenticator.say(to, message);
          deliver(bytes, () => true);
          return bytes;
        },
      };
      voices.add(voice);
      return voice;
    },
    leave: (voice) => void voices.delete(voice),
  };
  return table;
}
