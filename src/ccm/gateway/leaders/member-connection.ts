// A node behind its segment's leader, as one more connection of the gateway: what it says comes in frames that it signed, what it is told is
// carried by the leader where that does no harm, and compared with what it was told before where it might (LEAD-3 to LEAD-5).

import type { KeyObject } from 'node:crypto';
import {
  isLeaderMessage,
  type RelayedMessage,
  type SignedFrame,
  type Told,
} from '../../../model/leader-messages.ts';
import type { CcmMessage, Hello, SiteGrant } from '../../../model/messages.ts';
import type { Release } from '../../../model/release.ts';
import { isTreeMessage } from '../../../model/tree-messages.ts';
import { TreecastError } from '../../../model/treecast-error.ts';
import type { Clock } from '../../../net/clock.ts';
import { agentMessageSchema } from '../../../net/link/agent-message-schema.ts';
import { closeCodes } from '../../../net/link/close-codes.ts';
import type { MessageBudget } from '../../../net/link/message-budget.ts';
import { parseJsonText, parseMessage } from '../../../net/link/parse-message.ts';
import { isGenuineFrame } from '../../../net/relay/signed-frame.ts';
import {
  digestOfGrant,
  digestOfReleaseKeys,
  digestOfRevocations,
  digestOfSegment,
} from '../../../net/relay/told.ts';
import { type AgentConnection, type AgentReport, certificateCodes } from '../agent-connection.ts';

/** Behind whom a node is, and since when. */
export interface Behind {
  readonly leader: string;
  readonly segment: string;
  /** The CCM's clock. */
  readonly since: number;
}

/** What a session knows of a node, over all times that it opens there: what it said once does not count again. */
export interface Heard {
  counter: number;
  readonly budget: MessageBudget;
}

export type RelayAnswer = 'behind' | 'call' | 'refused';

export interface MemberConnection
  extends Pick<AgentConnection, 'id' | 'node' | 'tick' | 'close' | 'refuse' | 'terminate'> {
  readonly behind: Behind;
  /** The leader's. */
  readonly link: AgentConnection;
  /** True: the leader is to carry it. Anything else is compared here with what the node was told, and dealt with. */
  hear(message: CcmMessage): message is RelayedMessage;
  /** Its connection with the leader has ended. Who was called left because of that, and is on its way. */
  left(): void;
  /** The leader carries nothing any more. */
  orphaned(): void;
  /** What the leader carried. False when it is not the node's, or was said before. */
  said(frame: SignedFrame): boolean;
}

export interface MemberConnectionOptions {
  readonly id: string;
  readonly node: string;
  readonly behind: Behind;
  readonly session: string;
  readonly link: AgentConnection;
  readonly publicKey: KeyObject;
  readonly hello: Hello;
  readonly told: Told;
  readonly heard: Heard;
  readonly clock: Clock;
  readonly answer: (answer: RelayAnswer, error?: TreecastError) => void;
  readonly carry: (message: RelayedMessage) => void;
  /** Throws what ends the connection. */
  readonly onReport: (report: AgentReport) => void;
  readonly onRefused: (error: TreecastError) => void;
  /** Once. */
  readonly onClosed: () => void;
}

/** A node that was called and does not come by then is away. */
const callMs = 10_000;
/** Who has lost its leader waits for the next one for a while (LEAD-53). */
const orphanMs = 8_000;
/** What a frame is besides its text, at least. */
const frameOverheadBytes = 200;

/** What a frame costs who said it, and not who carries it. */
export function costOf({ text }: SignedFrame): number {
  return Buffer.byteLength(JSON.stringify(text)) + frameOverheadBytes;
}

export function createMemberConnection(options: MemberConnectionOptions): MemberConnection {
  const { id, node, link, told, heard, answer } = options;
  const toldSites = new Map(Object.entries(told.sites));
  /** Of each site: the last decision that the node knows, executed or on its way to it. */
  const decided = new Map(
    options.hello.sites.flatMap(({ site, lastDecision, executed }) =>
      lastDecision !== null && executed ? [[site, keyOf(lastDecision.release)] as const] : [],
    ),
  );
  /** It hears nothing here any more: it comes, and says hello, another way. */
  let isLeaving = false;
  let isEnded = false;
  let cancelLeaving: (() => void) | undefined;

  function end(): void {
    if (isEnded) return;
    isEnded = true;
    cancelLeaving?.();
    options.onClosed();
  }

  function leave(withinMs: number): void {
    if (isLeaving || isEnded) return;
    isLeaving = true;
    cancelLeaving = options.clock.after(withinMs, end);
  }

  /** What it needs to know first, it may believe over a link of its own alone. */
  function call(): void {
    leave(callMs);
    answer('call');
  }

  function refuse(error: TreecastError): void {
    if (isEnded) return;
    options.onRefused(error);
    // Turned away it is over its own link: a leader could say that of anybody.
    if (certificateCodes.has(error.code)) answer('call');
    else answer('refused', error);
    end();
  }

  function isTold(grant: SiteGrant): boolean {
    return toldSites.get(grant.site) === digestOfGrant(grant);
  }

  function decide({ site, lastDecision }: SiteGrant): void {
    if (lastDecision === null || decided.get(site) === keyOf(lastDecision.release)) return;
    decided.set(site, keyOf(lastDecision.release));
    options.carry({ type: 'decision', decision: lastDecision });
  }

  /** Whether the node was told the same before. */
  function isKnown(message: CcmMessage): boolean {
    switch (message.type) {
      case 'welcome':
        return digestOfReleaseKeys(message.releaseKeys) === told.releaseKeys && message.sites.every(isTold);
      case 'grant':
        return isTold(message.grant);
      case 'segment':
        return digestOfSegment(message) === told.segment;
      case 'revocations':
        return digestOfRevocations(message) === told.revocations;
      case 'removed':
        return false;
      default:
        // What is for leaders, and the answers to their reports.
        return true;
    }
  }

  function take(text: string): void {
    const message = parseMessage(parseJsonText(text), agentMessageSchema);
    if (message.type === 'hello' || isLeaderMessage(message) || isTreeMessage(message))
      throw new TreecastError('MESSAGE_INVALID', `A node behind a leader sent ${message.type}.`);
    // Who leads has a link of its own, or will have one before this counts.
    if (message.type !== 'segmentReport') options.onReport(message);
  }

  return {
    id,
    node,
    behind: options.behind,
    link,
    hear(message): message is RelayedMessage {
      if (isLeaving || isEnded) return false;
      if (message.type === 'decision') decided.set(message.decision.site, keyOf(message.decision.release));
      if (isRelayed(message)) return true;
      if (!isKnown(message)) call();
      else if (message.type === 'grant') decide(message.grant);
      else if (message.type === 'welcome') {
        answer('behind');
        for (const grant of message.sites) decide(grant);
      }
      return false;
    },
    said(frame) {
      if (isEnded || frame.counter <= heard.counter) return false;
      const expected = { session: options.session, node, above: heard.counter, key: options.publicKey };
      if (!isGenuineFrame(frame, expected)) {
        refuse(
          new TreecastError(
            'MESSAGE_INVALID',
            `What the leader carried as the word of ${node} is not its word.`,
            {
              fix: `Look at the agents on ${node} and on its leader ${link.node}; one of them was tampered with, or is broken.`,
            },
          ),
        );
        return false;
      }
      heard.counter = frame.counter;
      try {
        if (!heard.budget.spend(costOf(frame)))
          throw new TreecastError('RATE_LIMITED', 'The agent sends more than can be honest.', {
            fix: 'Look at the agent on this node; upgrade it.',
          });
        take(frame.text);
      } catch (error) {
        if (!(error instanceof TreecastError)) throw error;
        refuse(error);
      }
      return true;
    },
    left() {
      if (!isLeaving) end();
    },
    orphaned: () => leave(orphanMs),
    // The leader's own link is watched, and the leader watches its members.
    tick: () => undefined,
    close(code) {
      // A hello that the node sent before it was behind, over a link of its own that may be gone already: who follows its leader now would be away for good.
      if (code === closeCodes.replaced && !isLeaving && !isEnded) answer('call');
      end();
    },
    refuse,
    terminate: end,
  };
}

function isRelayed(message: CcmMessage): message is RelayedMessage {
  const { type } = message;
  return type === 'assignment' || type === 'decision' || type === 'abort' || type === 'verify';
}

function keyOf({ epoch, sequence }: Release): string {
  return `${epoch}-${sequence}`;
}
