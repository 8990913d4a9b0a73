// Who is believed (CHAN-6 to CHAN-11): takes datagrams as they arrive and gives out the messages of nodes that have introduced themselves in this
// life of this node; everything else is dropped and counted. No wall clock decides anything, and nothing that arrives throws.

import { verify } from 'node:crypto';
import type { ControlMessage } from '../../../model/segment.ts';
import { fingerprintOf } from '../../tls/fingerprint.ts';
import { type Addressee, addresseeMark, decodeDatagram, type OpenedDatagram } from '../wire/envelope.ts';
import { type DriverMessage, isDriverMessage, type SegmentMessage } from '../wire/segment-message.ts';
import { createCertificateBook, type KnownCertificate } from './certificate-book.ts';
import { createDropCounter, type DropCounter, type DropReason } from './drop-counter.ts';
import { createOwnVoice, type VoiceIdentity } from './own-voice.ts';
import { createPeerBook, isSameAddress, type Peer, type PeerBook, type SocketAddress } from './peer-book.ts';
import { createSourceBudget } from './source-budget.ts';
import { createWaitingRoom } from './waiting-room.ts';

/** What a node said that is believed. */
export interface BelievedMessage {
  readonly from: string;
  readonly source: SocketAddress;
  readonly toGroup: boolean;
  readonly message:
    | ControlMessage
    | Exclude<DriverMessage, { readonly type: 'certificate' | 'certificate-wanted' }>;
}

export interface Authenticator {
  readonly peers: PeerBook;
  readonly drops: DropCounter;
  /** Senders that are heard and do not introduce themselves. */
  unanswered(): number;
  /** PEM, one after another: these authorities, and no others any more. */
  believe(authorities: string): void;
  /** Fingerprints; those that were revoked before and are not among them are not any more. */
  revoke(fingerprints: readonly string[]): void;
  /** The signed datagram; each is said once. Throws RangeError for what no datagram can carry. */
  say(to: Addressee, message: SegmentMessage): Buffer;
  receive(bytes: Buffer, source: SocketAddress): void;
}

export interface AuthenticatorOptions {
  readonly node: string;
  readonly identity: () => VoiceIdentity;
  /** PEM, one after another. */
  readonly authorities: string;
  /** Higher at each start of this node. */
  readonly boot: number;
  readonly segment: () => string;
  readonly wantsUnicast: () => boolean;
  /** Where this node's own datagrams come from. */
  readonly ownSource: () => SocketAddress | undefined;
  /** Milliseconds of a clock that nobody sets. */
  readonly now: () => number;
  /** Whether a message to the group is worth getting to know its sender for; asked of what is not yet believed. */
  readonly isOfInterest: (message: SegmentMessage) => boolean;
  readonly onMessage: (message: BelievedMessage) => void;
  /** To be sent to that address alone. */
  readonly reply: (datagram: Buffer, to: SocketAddress) => void;
  /** There is a leader of another segment, or of those that have none, within hearing. */
  readonly onOtherSegment: (segment: string) => void;
  /** Two processes speak in this node's name. */
  readonly onTwin: (node: string, source: SocketAddress) => void;
}

interface Arrival {
  readonly datagram: OpenedDatagram;
  readonly bytes: Buffer;
  readonly source: SocketAddress;
}

const askAgainMs = 200;
/** Of a name that two processes fight over: the one that is known keeps it for so long. */
const askTwinAgainMs = 5_000;
const strangersMax = 1_024;

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { node: self, now, onMessage, reply } = options;
  const drops = createDropCounter();
  const certificates = createCertificateBook(options.authorities);
  const peers = createPeerBook(options);
  const voice = createOwnVoice(options);
  const ownMark = addresseeMark(self);
  const room = createWaitingRoom({
    now,
    onDropped(count) {
      for (let dropped = 0; dropped < count; dropped += 1) drops.count('unknown');
    },
  });
  /** Signatures that do not hold cost time; so do certificates, and answers. */
  const failures = createSourceBudget({ perSecond: 200, burst: 500, now });
  const lessons = createSourceBudget({ perSecond: 50, burst: 500, now });
  const asks = createSourceBudget({ perSecond: 100, burst: 500, now });
  const answers = createSourceBudget({ perSecond: 100, burst: 500, now });
  const strangers = new Set<string>();
  let { authorities } = options;

  function holds({ datagram, source }: Arrival, certificate: KnownCertificate): DropReason | undefined {
    if (!failures.has(source.address)) return 'flood';
    if (verify(null, datagram.signed, certificate.key, datagram.signature)) return undefined;
    failures.take(source.address);
    return 'forged';
  }

  function judge(bytes: Buffer, source: SocketAddress): DropReason | undefined {
    // Nobody can be answered there, and no socket sends to it.
    if (source.port === 0) return 'garbage';
    const datagram = decodeDatagram(bytes);
    if (typeof datagram === 'string') return datagram;
    const arrival = { datagram, bytes, source };
    const { fingerprint } = datagram;
    if (fingerprint === voice.fingerprint()) return ownName(arrival);
    if (datagram.to === 'node' && datagram.mark !== ownMark) return 'other-node';
    if (strangers.has(fingerprint)) return 'stranger';
    if (certificates.isRevoked(fingerprint)) return 'revoked';
    const certificate = certificates.of(fingerprint);
    if (certificate === undefined) return unknownSender(arrival);
    if (isReplay(datagram, certificate)) return replayed(arrival, certificate);
    return signed(arrival, certificate);
  }

  function signed(arrival: Arrival, certificate: KnownCertificate): DropReason | undefined {
    const trouble = holds(arrival, certificate);
    if (trouble !== undefined) return trouble;
    const message = arrival.datagram.message();
    return message === undefined ? 'malformed' : take(arrival, certificate.node, message);
  }

  /** This node's own fingerprint: the group's echo, a replay, or somebody who has the key. */
  function ownName(arrival: Arrival): DropReason | undefined {
    const source = options.ownSource();
    if (source !== undefined && isSameAddress(source, arrival.source)) return 'own';
    const own = certificates.learn(voice.certificate());
    return typeof own === 'string' ? own : signed(arrival, own);
  }

  /** In this node's own name: two nodes with one id, if an answer to a nonce proves that it is no replay. */
  function sameName(arrival: Arrival, message: SegmentMessage): DropReason {
    if (message.type !== 'certificate') ask(arrival, self);
    else if (room.answered(arrival.datagram.fingerprint, message.nonce) !== undefined) {
      options.onTwin(self, arrival.source);
      return 'twin';
    }
    return 'own';
  }

  function unknownSender(arrival: Arrival): DropReason | undefined {
    const { datagram, source } = arrival;
    const message = datagram.message();
    if (message === undefined) return 'malformed';
    if (message.type !== 'certificate' && message.type !== 'certificate-wanted') {
      return options.isOfInterest(message) ? ask(arrival) : 'passed-over';
    }
    if (!lessons.take(source.address)) return 'flood';
    // Else anybody could make a stranger of a node that is not known yet.
    if (fingerprintOf(message.certificate) !== datagram.fingerprint) return 'malformed';
    const learned = certificates.learn(message.certificate);
    if (learned === 'stranger') remember(datagram.fingerprint);
    return typeof learned === 'string' ? learned : signed(arrival, learned);
  }

  function remember(fingerprint: string): void {
    strangers.add(fingerprint);
    if (strangers.size > strangersMax) strangers.delete(strangers.values().next().value as string);
  }

  /** The sender is asked to introduce itself; what it said waits. */
  function ask({ datagram, bytes, source }: Arrival, node?: string): undefined {
    const waitMs = node !== undefined && peers.isTwin(node) ? askTwinAgainMs : askAgainMs;
    const nonce = room.hold(datagram.fingerprint, { bytes, source, boot: datagram.boot }, waitMs);
    if (nonce === undefined || !asks.take(source.address)) return;
    const wanted = datagram.fingerprint;
    const message = { type: 'certificate-wanted', wanted, nonce, certificate: voice.certificate() } as const;
    reply(voice.say(node === undefined ? 'anyone' : { node }, message), source);
  }

  /** Cheap, so that it comes before the signature is looked at. Introductions have nonces instead. */
  function isReplay(datagram: OpenedDatagram, { node }: KnownCertificate): boolean {
    const peer = peers.of(node);
    if (peer === undefined || !isLifeOf(peer, datagram) || isIntroduction(datagram.type)) return false;
    return !peer.window.isFresh(datagram.counter);
  }

  /**
   * From another address than the node's, or far behind, it may be a process with its key and the same boot counter: a second one, or one whose
   * counter was lost. It is asked.
   */
  function replayed(arrival: Arrival, { node }: KnownCertificate): DropReason {
    const peer = peers.of(node);
    if (peer === undefined) return 'replay';
    const isElsewhere = !isSameAddress(peer.source, arrival.source);
    if (isElsewhere || peer.window.isFarBehind(arrival.datagram.counter)) ask(arrival, node);
    return 'replay';
  }

  /** The signature holds. */
  function take(arrival: Arrival, node: string, message: SegmentMessage): DropReason | undefined {
    const { datagram, source } = arrival;
    if (message.type === 'certificate-wanted') return introduceSelf(message, source, node);
    if (node === self) return sameName(arrival, message);
    if (message.type === 'certificate') return introduced(datagram, node, message, source);
    const peer = peers.of(node);
    if (peer === undefined || !isLifeOf(peer, datagram)) {
      return options.isOfInterest(message) ? ask(arrival, node) : 'passed-over';
    }
    if (!peer.window.take(datagram.counter)) return 'replay';
    peers.heard(peer, source, datagram.wantsUnicast);
    if (!isDriverMessage(message) && datagram.segment !== options.segment()) {
      if (message.type === 'leader-alive') options.onOtherSegment(datagram.segment);
      return 'other-segment';
    }
    onMessage({ from: node, source, toGroup: datagram.to === 'group', message });
    return undefined;
  }

  function introduceSelf(
    { wanted, nonce }: Extract<DriverMessage, { readonly type: 'certificate-wanted' }>,
    source: SocketAddress,
    node: string,
  ): DropReason | undefined {
    if (wanted !== voice.fingerprint()) return 'other-node';
    if (!answers.take(source.address)) return 'flood';
    const certificate = voice.certificate();
    reply(voice.say({ node }, { type: 'certificate', nonce, since: voice.since(), certificate }), source);
    return undefined;
  }

  function introduced(
    datagram: OpenedDatagram,
    node: string,
    { nonce, since }: Extract<DriverMessage, { readonly type: 'certificate' }>,
    source: SocketAddress,
  ): DropReason | undefined {
    const waiting = room.answered(datagram.fingerprint, nonce);
    if (waiting === undefined) return 'unasked';
    const { fingerprint, boot, counter, wantsUnicast } = datagram;
    const peer = peers.of(node);
    const isKnownLife = peer !== undefined && isLifeOf(peer, datagram) && !peer.window.isFarBehind(counter);
    // What was taken of a life stays taken.
    if (isKnownLife) peers.heard(peer, source, wantsUnicast);
    else peers.introduce({ node, fingerprint, boot, counter, since, source, wantsUnicast });
    for (const held of waiting) {
      if (held.boot === boot) receive(held.bytes, held.source);
      else drops.count('replay');
    }
    return undefined;
  }

  function receive(bytes: Buffer, source: SocketAddress): void {
    const reason = judge(bytes, source);
    if (reason !== undefined) drops.count(reason);
  }

  return {
    peers,
    drops,
    unanswered: room.unanswered,
    believe(next) {
      if (next === authorities) return;
      authorities = next;
      certificates.believe(authorities);
      strangers.clear();
      peers.forget((peer) => certificates.of(peer.fingerprint) !== undefined);
    },
    revoke(fingerprints) {
      certificates.revoke(fingerprints);
      peers.forget((peer) => !certificates.isRevoked(peer.fingerprint));
    },
    say: voice.say,
    receive,
  };
}

function isLifeOf(peer: Peer, { fingerprint, boot }: OpenedDatagram): boolean {
  return peer.fingerprint === fingerprint && peer.boot === boot;
}

function isIntroduction(type: SegmentMessage['type']): boolean {
  return type === 'certificate' || type === 'certificate-wanted';
}
