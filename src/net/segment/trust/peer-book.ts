// The nodes that have introduced themselves, by name: in which life of theirs, by which certificate, and where they are reached. A node has
// one entry; that two processes speak in its name shows when one that gave way comes back (CHAN-10).

import { createReplayWindow, type ReplayWindow } from './replay-window.ts';

/** Where a datagram came from, or goes. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

export interface Peer {
  readonly node: string;
  readonly fingerprint: string;
  readonly boot: number;
  readonly window: ReplayWindow;
  source: SocketAddress;
  wantsUnicast: boolean;
  heardAt: number;
}

export interface Introduction {
  readonly node: string;
  readonly fingerprint: string;
  readonly boot: number;
  readonly counter: number;
  readonly since: number;
  readonly source: SocketAddress;
  readonly wantsUnicast: boolean;
}

export interface PeerBook {
  of(node: string): Peer | undefined;
  all(): Iterable<Peer>;
  introduce(introduction: Introduction): Peer;
  /** Something fresh was heard of it. */
  heard(peer: Peer, source: SocketAddress, wantsUnicast: boolean): void;
  /** Whether two processes were found to speak in its name lately. */
  isTwin(node: string): boolean;
  twins(): string[];
  forget(keep: (peer: Peer) => boolean): void;
}

export interface PeerBookOptions {
  readonly now: () => number;
  readonly onTwin: (node: string, source: SocketAddress) => void;
}

const peersMax = 4_096;
/** A life of a node that gave way to another and is heard again within so long has not ended: there are two. */
const returnMs = 30_000;

export function createPeerBook({ now, onTwin }: PeerBookOptions): PeerBook {
  const peers = new Map<string, Peer>();
  /** When each life gave way, by node. */
  const displaced = new Map<string, Map<string, number>>();
  const twinSince = new Map<string, number>();

  const isTwin = (node: string): boolean =>
    (twinSince.get(node) ?? Number.NEGATIVE_INFINITY) > now() - returnMs;

  function gaveWay(old: Peer, next: string, source: SocketAddress): void {
    const from = now() - returnMs;
    const lives = new Map([...(displaced.get(old.node) ?? [])].filter(([, at]) => at > from));
    lives.set(lifeOf(old, old.source), now());
    displaced.set(old.node, lives);
    if (!lives.has(next)) return;
    const isNews = !isTwin(old.node);
    twinSince.set(old.node, now());
    if (isNews) onTwin(old.node, source);
  }

  return {
    of: (node) => peers.get(node),
    all: () => peers.values(),
    introduce({ counter, since, ...introduction }) {
      const { node, source } = introduction;
      const before = peers.get(node);
      const life = lifeOf(introduction, source);
      if (before !== undefined && lifeOf(before, before.source) !== life) gaveWay(before, life, source);
      const peer: Peer = {
        ...introduction,
        window: createReplayWindow({ floor: since, newest: counter }),
        heardAt: now(),
      };
      peers.delete(node);
      peers.set(node, peer);
      if (peers.size > peersMax) peers.delete(peers.keys().next().value as string);
      return peer;
    },
    heard(peer, source, wantsUnicast) {
      if (!isSameAddress(peer.source, source)) gaveWay(peer, lifeOf(peer, source), source);
      peer.source = source;
      peer.wantsUnicast = wantsUnicast;
      peer.heardAt = now();
    },
    isTwin,
    twins: () => [...twinSince.keys()].filter(isTwin),
    forget(keep) {
      for (const peer of peers.values()) if (!keep(peer)) peers.delete(peer.node);
    },
  };
}

function lifeOf({ fingerprint, boot }: Pick<Peer, 'fingerprint' | 'boot'>, source: SocketAddress): string {
  return `${fingerprint} ${boot} ${source.address} ${source.port}`;
}

export function isSameAddress(one: SocketAddress, other: SocketAddress): boolean {
  return one.address === other.address && one.port === other.port;
}
