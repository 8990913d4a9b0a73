// Which nodes take part in segments over their links, what each was told last, and telling it again when it is another (LINK-42).
// What is true of a segment comes from the registry; nothing is decided here.

import type { CcmMessage, Hello } from '../../model/messages.ts';
import {
  defaultControlChannel,
  type SegmentTiming,
  segmentMembersMax,
  type TimingPreset,
  unassignedSegment,
} from '../../model/segment.ts';
import {
  type SegmentAgentMessage,
  type SegmentCcmMessage,
  type SegmentPeer,
  segmentProfile,
} from '../../model/segment-messages.ts';
import { treeProfile } from '../../model/tree-messages.ts';
import type { Clock } from '../../net/clock.ts';
import { revocationsMax } from '../../net/link/limits.ts';
import type { NodeRecord } from '../registry/node-registry.ts';
import type { Registry } from '../registry/registry.ts';
import type { SegmentRecord } from '../registry/segment-registry.ts';

export type NodeState = Extract<SegmentAgentMessage, { type: 'segmentState' }>;

/** Of all segments of a CCM, from its configuration. */
export interface SegmentSettings {
  readonly preset: TimingPreset;
  readonly timers: Partial<SegmentTiming>;
}

export interface SegmentLinks {
  /** `isBehind`: over its leader, which it would not be had it not been told of its segment before. */
  connected(node: string, hello: Pick<Hello, 'profiles'>, isBehind?: boolean): void;
  /** The welcome is on its way: from now on it may be told. */
  welcomed(node: string): void;
  disconnected(node: string): void;
  /** It was told of a segment on this connection, and may speak of it. */
  isTold(node: string): boolean;
  /** By its hello it takes part in the tree of leaders. */
  speaksTree(node: string): boolean;
  /** How many of these nodes take part now. */
  count(nodes: readonly NodeRecord[]): number;
  /** What it last said of itself, on this connection or one before; undefined when it never did. */
  stateOf(node: string): { readonly state: NodeState; readonly at: number } | undefined;
  said(node: string, state: NodeState): void;
  /** Nothing that it said counts any more. */
  forget(node: string): void;
  send(node: string, message: SegmentCcmMessage): void;
  /** All of it, though nothing changed. */
  tellAgain(node: string): void;
  /** Whoever needs to know something else than before is told, a little later. */
  tellSoon(): void;
  tellRevocations(): void;
}

export interface SegmentLinksOptions {
  readonly registry: Registry;
  readonly send: (node: string, message: CcmMessage) => void;
  readonly settings: SegmentSettings;
  /** Its timers end with their maker. */
  readonly clock: Clock;
}

interface Link {
  isWelcomed: boolean;
  /** Over its leader, which tells it where the others are. */
  readonly isBehind: boolean;
  readonly speaksTree: boolean;
  /** It may speak of its segment. */
  isTold: boolean;
  /** The `segment` message as it was sent. */
  told: string | null;
}

/** What there is to tell a node. */
type View = (node: string) => SegmentCcmMessage | undefined;

const tellAfterMs = 500;
/** A node that has just come waits less: it does nothing in its segment before. */
const firstTellAfterMs = 50;
const tellAgainAfterMs = 5_000;
/** Then other work has its turn. */
const toldAtOnce = 20;

export function createSegmentLinks(options: SegmentLinksOptions): SegmentLinks {
  const { registry, send, settings, clock } = options;
  const links = new Map<string, Link>();
  const states = new Map<string, { readonly state: NodeState; readonly at: number }>();
  let isTelling = false;
  let isOutdated = false;
  let isTellingNewcomers = false;
  let revocations: SegmentCcmMessage | undefined;

  /** Where the segment's nodes are reached: by their own word, else that of the last report. */
  function peersOf(segment: SegmentRecord, nodes: readonly NodeRecord[]): SegmentPeer[] {
    const reported = new Map(segment.report?.members.map((member) => [member.node, member]));
    const places = nodes.flatMap(({ name }) => {
      const own = states.get(name)?.state;
      if (own !== undefined && own.address !== null)
        return [{ node: name, address: own.address, port: own.port }];
      const place = reported.get(name);
      return place === undefined ? [] : [{ node: name, address: place.address, port: place.port }];
    });
    return places.slice(0, segmentMembersMax + 1);
  }

  function count(nodes: readonly NodeRecord[]): number {
    return nodes.filter(({ name }) => links.has(name)).length;
  }

  /** All that there is to tell, read once for many nodes. */
  function readView(): View {
    const nodes = new Map(registry.nodes.list().map((node) => [node.name, node]));
    const bySegment = Map.groupBy(nodes.values(), ({ segment }) => segment);
    const segments = new Map(
      registry.segments.list().map((segment) => {
        const members = bySegment.get(segment.id) ?? [];
        const { id, name, channel } = segment;
        return [id, { id, name, channel, peers: peersOf(segment, members), present: count(members) }];
      }),
    );
    return (name) => {
      const node = nodes.get(name);
      if (node === undefined) return undefined;
      const segment = segments.get(node.segment ?? '');
      const peers = links.get(name)?.isBehind === true ? [] : (segment?.peers ?? []);
      return {
        type: 'segment',
        id: segment?.id ?? unassignedSegment,
        name: segment?.name ?? null,
        role: node.leadRole,
        factor: node.leadFactor,
        maintenance: node.maintenance,
        channel: segment?.channel ?? defaultControlChannel,
        ...settings,
        peers: peers.filter((peer) => peer.node !== name).slice(0, segmentMembersMax),
        // Without a segment nobody knows who is near: whoever hears nobody is the first there.
        others: segment === undefined ? 0 : segment.present - 1,
      };
    };
  }

  function tell(names: readonly string[], view: View): void {
    for (const name of names) {
      const link = links.get(name);
      const message = link?.isWelcomed === true ? view(name) : undefined;
      const text = JSON.stringify(message);
      if (link === undefined || message === undefined || link.told === text) continue;
      link.told = text;
      link.isTold = true;
      send(name, message);
    }
  }

  /** What fails (the database) is tried again. */
  function orLater(work: () => void): void {
    try {
      work();
    } catch (error) {
      isTelling = false;
      tellSoon(tellAgainAfterMs);
      throw error;
    }
  }

  function tellAll(names: readonly string[], known?: View): void {
    orLater(() => {
      const view = known ?? readView();
      tell(names.slice(0, toldAtOnce), view);
      const rest = names.slice(toldAtOnce);
      if (rest.length > 0) {
        clock.after(0, () => tellAll(rest, view));
        return;
      }
      isTelling = false;
      if (isOutdated) tellSoon();
    });
  }

  function tellSoon(afterMs = tellAfterMs): void {
    isOutdated = true;
    if (isTelling) return;
    isTelling = true;
    clock.after(afterMs, () => {
      isOutdated = false;
      tellAll([...links.keys()]);
    });
  }

  function tellNewcomers(): void {
    if (isTellingNewcomers) return;
    isTellingNewcomers = true;
    clock.after(firstTellAfterMs, () => {
      isTellingNewcomers = false;
      const names = [...links].flatMap(([name, { told, isWelcomed }]) =>
        isWelcomed && told === null ? [name] : [],
      );
      tellAtOnce(names);
    });
  }

  function tellAtOnce(names: readonly string[], known?: View): void {
    orLater(() => {
      const view = known ?? readView();
      tell(names.slice(0, toldAtOnce), view);
      const rest = names.slice(toldAtOnce);
      if (rest.length > 0) clock.after(0, () => tellAtOnce(rest, view));
    });
  }

  function tellRevocations(node: string): void {
    revocations ??= { type: 'revocations', ...registry.certificates.revoked(revocationsMax) };
    send(node, revocations);
  }

  return {
    connected(node, { profiles }, isBehind = false) {
      links.delete(node);
      if (profiles.includes(segmentProfile))
        links.set(node, {
          isWelcomed: false,
          isBehind,
          speaksTree: profiles.includes(treeProfile),
          isTold: isBehind,
          told: null,
        });
    },
    welcomed(node) {
      const link = links.get(node);
      if (link === undefined || link.isWelcomed) return;
      link.isWelcomed = true;
      tellRevocations(node);
      tellNewcomers();
      tellSoon();
    },
    disconnected(node) {
      if (links.delete(node)) tellSoon();
    },
    isTold: (node) => links.get(node)?.isTold === true,
    speaksTree: (node) => links.get(node)?.speaksTree === true,
    count,
    stateOf: (node) => states.get(node),
    said(node, state) {
      const before = states.get(node)?.state;
      states.set(node, { state, at: clock.now() });
      if (before?.address !== state.address || before.port !== state.port) tellSoon();
    },
    forget(node) {
      links.delete(node);
      states.delete(node);
    },
    send(node, message) {
      if (links.get(node)?.isWelcomed === true) send(node, message);
    },
    tellAgain(node) {
      const link = links.get(node);
      const message = link?.isWelcomed === true ? readView()(node) : undefined;
      if (link === undefined || message === undefined) return;
      link.told = JSON.stringify(message);
      link.isTold = true;
      send(node, message);
    },
    tellSoon: () => tellSoon(),
    tellRevocations() {
      revocations = undefined;
      for (const [node, { isWelcomed }] of links) if (isWelcomed) tellRevocations(node);
    },
  };
}
