// A leader's side of the tree (docs/spec/tree.md): the assignments that come down it, what the CCM says of them over the node's own link, what other leaders
// bring, and who fetches from here.

import type { KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HandOut, TreeAgentMessage, TreeCcmMessage } from '../../model/tree-messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { Dial } from '../../net/dial/ccm-dialer.ts';
import type { ReceivedMessage } from '../../net/link/link-client.ts';
import type { Pace } from '../../net/rate/pacer.ts';
import type { TlsCredentials } from '../../net/tls/tls-settings.ts';
import { verifyHandOut } from '../../net/tree/hand-out.ts';
import { treeTiming } from '../../protocol/tree/tree-timing.ts';
import type { ContentFetcher } from '../leader/content-fetcher.ts';
import type { RelayStore, WantedContent } from '../leader/relay-store.ts';
import type { AgentLog } from '../session/agent-log.ts';
import type { AssignmentMessage } from '../session/receive-assignment.ts';
import { createChildren, type Serving } from './children.ts';
import { createHandOutEndpoint } from './hand-out-endpoint.ts';
import { notifyLeader } from './notify-leader.ts';
import { createSourceLines } from './source-lines.ts';
import {
  createTreeAssignment,
  type TreeAssignment,
  type TreeAssignmentStatus,
  type TreeContent,
} from './tree-assignment.ts';
import type { TreeTimes } from './tree-supply.ts';

export interface TreeRelays {
  /** What is none of the tree's is passed over. */
  receive(message: ReceivedMessage): void;
  linkDown(): void;
  /** POST /hand-outs. Throws what it is refused for. */
  readonly takeHandOut: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Undefined: it does not come down the tree. */
  wanted(message: AssignmentMessage): WantedContent | undefined;
  has(assignment: string): boolean;
  /** A request of another leader; undefined: nothing is known of that assignment. Throws RATE_LIMITED. */
  serve(assignment: string, node: string): Serving | undefined;
  /** What the store held is gone. */
  lost(assignment: string, what: 'all' | 'block'): void;
  /** Each second. */
  tick(): void;
  status(): readonly (TreeAssignmentStatus & { readonly children: readonly string[] })[];
  close(): void;
}

export interface TreeRelaysOptions {
  readonly node: string;
  readonly ccmUrl: string;
  readonly dial?: Dial | undefined;
  readonly credentials: () => TlsCredentials;
  readonly keys: () => readonly KeyObject[];
  /** CCM time. */
  readonly ccmNow: () => number;
  readonly segment: () => string;
  readonly store: () => Pick<RelayStore, 'want' | 'takeOver'>;
  readonly fetcher: ContentFetcher;
  /** What keeps a transfer of that site, from the CCM or another leader, within limits. */
  readonly pace: (site: string) => Pace;
  /** Over the node's own link. */
  readonly send: (message: TreeAgentMessage) => void;
  readonly order: 'together' | 'segment';
  /** Members that were told to have it have not all reported yet. */
  readonly isBeingServed: (message: Pick<AssignmentMessage, 'site' | 'release'>) => boolean;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly times?: Partial<TreeTimes & { readonly goneMs: number }> | undefined;
}

const timesDefault: TreeTimes = {
  silentMs: 2_000,
  probeMs: 1_500,
  blockMs: 10_000,
  starveMs: treeTiming.starveMs,
  rateMs: 3_000,
  unknownMs: 5_000,
  fallBackMs: 45_000,
};
const goneMs = 3_000;
/** The oldest that are done make way. */
const assignmentsMax = 64;
const forgottenMax = 1_024;

export function createTreeRelays(options: TreeRelaysOptions): TreeRelays {
  const { node, credentials, clock, log } = options;
  const times = { ...timesDefault, ...options.times };
  const lines = createSourceLines(options);
  const stopped = new AbortController();
  const all = new Map<string, TreeAssignment>();
  /** Of what is forgotten: a hand-out of then is brought in vain. */
  const newestOf = new Map<string, number>();
  let isLinkUp = false;
  const children = createChildren({
    clock,
    goneMs: options.times?.goneMs ?? goneMs,
    onServing: (assignment, child, isServed) =>
      all.get(assignment)?.handle({ input: 'serving', node: child, isServed }),
  });

  /** Throws CONFLICT. */
  function assignmentOf(content: TreeContent): TreeAssignment {
    const known = all.get(content.assignment);
    if (known !== undefined) {
      if (isSameContent(known.content, content)) return known;
      throw new TreecastError(
        'CONFLICT',
        `Assignment ${content.assignment} was said to be another one, or another CCM’s.`,
        { fix: 'Look at which CCM this node belongs to; the one that asks may belong to another one.' },
      );
    }
    makeRoom();
    const made = createTreeAssignment({
      node,
      content,
      store: options.store(),
      fetcher: options.fetcher,
      lines,
      credentials,
      times,
      pace: () => options.pace(content.site),
      isLinkUp,
      mayForward: options.order === 'together',
      notify: (next) => notifyLeader(next, { credentials: credentials(), signal: stopped.signal }),
      send: options.send,
      clock,
      log,
    });
    all.set(content.assignment, made);
    return made;
  }

  function makeRoom(): void {
    for (const [id, entry] of all) {
      if (all.size < assignmentsMax) return;
      if (entry.status().state !== 'fetching') drop(id);
    }
    const [oldest] = all.keys();
    if (all.size >= assignmentsMax && oldest !== undefined) drop(oldest);
  }

  function drop(id: string): void {
    const entry = all.get(id);
    if (entry === undefined) return;
    all.delete(id);
    entry.close();
    newestOf.delete(id);
    newestOf.set(id, entry.newest());
    if (newestOf.size > forgottenMax) newestOf.delete(newestOf.keys().next().value as string);
  }

  /** Throws TICKET_INVALID, CONFLICT. */
  function take(handOut: HandOut): boolean {
    if (handOut.segment !== options.segment()) {
      throw new TreecastError('TICKET_INVALID', 'The hand-out is for the leader of another segment.', {
        fix: 'Nothing needs to be done: the CCM gives it to whoever leads that segment now.',
      });
    }
    const { site, assignment, number, sources } = handOut;
    if (!all.has(assignment) && number <= (newestOf.get(assignment) ?? -1)) return false;
    const isNew = assignmentOf(handOut).handOut(handOut);
    if (isNew)
      log.info({ site, assignment, number, sources: sources.map((from) => from.node) }, 'a hand-out');
    return isNew;
  }

  function hear(message: TreeCcmMessage): void {
    switch (message.type) {
      case 'treeExpect':
        assignmentOf(message).expect();
        break;
      case 'handOut':
        take(verifyHandOut(message.handOut, { keys: options.keys(), node, now: options.ccmNow() }));
        break;
      case 'treeNextAnswer':
        ofCcm(message)?.answer(message.next, message.more);
        break;
      case 'treeEnd':
        ofCcm(message)?.end();
    }
  }

  function ofCcm({ ccm, assignment }: Pick<TreeContent, 'ccm' | 'assignment'>): TreeAssignment | undefined {
    const known = all.get(assignment);
    return known?.content.ccm === ccm ? known : undefined;
  }

  function useLink(isUp: boolean): void {
    isLinkUp = isUp;
    for (const entry of all.values()) entry.handle({ input: 'link', isUp });
  }

  return {
    receive(message) {
      if (message.type === 'welcome') useLink(true);
      else if (isTreeWord(message)) {
        try {
          hear(message);
        } catch (error) {
          log.warn({ err: error, word: message.type }, 'a word of the CCM about the tree is not followed');
        }
      }
    },
    linkDown: () => useLink(false),
    takeHandOut: createHandOutEndpoint({ node, keys: options.keys, now: options.ccmNow, take }),
    wanted: (message) => all.get(message.id)?.wanted(message),
    has: (assignment) => all.has(assignment),
    serve: (assignment, child) => (all.has(assignment) ? children.begin(assignment, child) : undefined),
    lost(assignment, what) {
      const entry = all.get(assignment);
      if (what === 'block') entry?.vanished();
      // It made way, or was of no use for long: who comes for it all the same is told so.
      else if (entry?.status().state === 'held') drop(assignment);
    },
    tick() {
      if (options.order === 'together') return;
      for (const entry of all.values()) {
        const message = entry.message();
        const isServed = message === undefined || !options.isBeingServed(message);
        if (entry.status().state === 'held' && isServed) entry.handle({ input: 'mayForward', may: true });
      }
    },
    status: () =>
      [...all.values()].map((entry) => ({
        ...entry.status(),
        children: children.of(entry.content.assignment),
      })),
    close() {
      stopped.abort();
      for (const entry of all.values()) entry.close();
      all.clear();
      children.close();
      lines.close();
    },
  };
}

const wordTypes: ReadonlySet<string> = new Set<TreeCcmMessage['type']>([
  'treeExpect',
  'handOut',
  'treeNextAnswer',
  'treeEnd',
]);

function isTreeWord(message: ReceivedMessage): message is TreeCcmMessage & ReceivedMessage {
  return wordTypes.has(message.type);
}

function isSameContent(one: TreeContent, other: TreeContent): boolean {
  return (
    one.ccm === other.ccm &&
    one.site === other.site &&
    one.manifestBytes === other.manifestBytes &&
    one.dataBytes === other.dataBytes
  );
}
