// One assignment of the tree at this node: runs the machine that decides, carries out what it says, and tells it what happens. Words, sockets and disk
// are others' matter.

import { blockCount } from '../../assignment/block-layout.ts';
import type { HandOut, NextLeader, TreeAgentMessage } from '../../model/tree-messages.ts';
import type { TreecastError, WireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import { createMachineRunner } from '../../net/mctp/machine-runner.ts';
import { createRelayMachine } from '../../protocol/tree/relay-machine.ts';
import type { RelayEffect, RelayInput, SourceChoice } from '../../protocol/tree/tree-machines.ts';
import type { ContentFetcher } from '../leader/content-fetcher.ts';
import type { RelayStore, WantedContent } from '../leader/relay-store.ts';
import type { AgentLog } from '../session/agent-log.ts';
import type { AssignmentMessage } from '../session/receive-assignment.ts';
import { reportableError } from '../session/reportable-error.ts';
import type { PlacedSource } from './source-feed.ts';
import type { SourcePlace } from './source-lines.ts';
import { createTreeSupply, type TreeSupplyOptions } from './tree-supply.ts';

/** What a `treeExpect` and a hand-out say of it. */
export type TreeContent = Pick<HandOut, 'ccm' | 'site' | 'assignment' | 'manifestBytes' | 'dataBytes'>;

export interface TreeAssignment {
  readonly content: TreeContent;
  expect(): void;
  /** False: one as new was here before. */
  handOut(handOut: HandOut): boolean;
  answer(next: readonly NextLeader[], more: 'later' | 'none'): void;
  handle(input: Extract<RelayInput, { readonly input: 'link' | 'serving' | 'mayForward' }>): void;
  /** All of it is gone from the disk, or a block is. */
  vanished(): void;
  /** The CCM says that nobody needs it. */
  end(): void;
  /** The number of the newest hand-out. */
  newest(): number;
  /** How it comes, for a message that brings it as well. */
  wanted(message: AssignmentMessage): WantedContent;
  /** The last that brought it; undefined: none has. */
  message(): AssignmentMessage | undefined;
  status(): TreeAssignmentStatus;
  close(): void;
}

export interface TreeAssignmentStatus {
  readonly assignment: string;
  readonly site: string;
  readonly state: 'waiting' | 'fetching' | 'held' | 'failed';
  readonly sources: readonly (string | null)[];
}

export interface TreeAssignmentOptions
  extends Pick<TreeSupplyOptions, 'lines' | 'credentials' | 'clock' | 'times' | 'pace'> {
  readonly node: string;
  readonly content: TreeContent;
  readonly store: Pick<RelayStore, 'want' | 'takeOver'>;
  readonly fetcher: ContentFetcher;
  readonly isLinkUp: boolean;
  readonly mayForward: boolean;
  readonly notify: (next: NextLeader) => Promise<'accepted' | 'unreachable' | 'refused'>;
  /** Over the node's own link. */
  readonly send: (message: TreeAgentMessage) => void;
  readonly clock: Clock;
  readonly log: AgentLog;
}

/** Leaders that are served at a time; the CCM's plan names fewer where a link bears fewer. */
const room = 16;
/** The first and the last are told at once. */
const progressMs = 50;
/** No fault of this node: the tree finds another way. */
const notOwn: ReadonlySet<string> = new Set(['ABORTED', 'CCM_UNREACHABLE']);

export function createTreeAssignment(options: TreeAssignmentOptions): TreeAssignment {
  const { content, store, fetcher, clock, log } = options;
  const { ccm, site, assignment } = content;
  const machine = createRelayMachine({ node: options.node, room });
  const places = new Map<string, SourcePlace>();
  let next = new Map<string, NextLeader>();
  let newest = -1;
  let blocks = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  let told = -1;
  let error: WireError | null = null;
  let sources: readonly SourceChoice[] = [];
  let last: AssignmentMessage | undefined;
  let isClosed = false;

  const supply = createTreeSupply({
    ...options,
    assignment,
    manifestBytes: content.manifestBytes,
    dataBytes: content.dataBytes,
    fromMembers: fetcher.fromMembers,
    onProgress(heldBlocks, of) {
      blocks = of;
      const isEnd = heldBlocks === of || (told <= 0 && heldBlocks > 0);
      if (!isEnd && clock.now() - toldAt < progressMs) return;
      progress(heldBlocks);
    },
    onTrouble({ place }, trouble) {
      log.info(
        { site, assignment, source: place?.node ?? null, trouble },
        'a source of the tree is given up',
      );
      runner.handle({ input: 'sourceFailed', source: place?.node ?? null, trouble });
    },
  });
  const wanted: WantedContent = { id: assignment, site, supply };

  const runner = createMachineRunner<RelayInput, RelayEffect>({ machine, clock, carryOut });

  function progress(heldBlocks: number): void {
    toldAt = clock.now();
    told = heldBlocks;
    runner.handle({ input: 'progress', heldBlocks, blocks });
  }

  function onFailed(cause: TreecastError): void {
    if (notOwn.has(cause.code)) return;
    error = reportableError(cause, null);
    runner.handle({ input: 'failed' });
  }

  /** What is here already is told, whoever brought it. */
  function bring(how: 'want' | 'takeOver'): void {
    const held = store[how](wanted, onFailed);
    const header = held.header();
    if (header === undefined || held.missing().length > 0) return;
    blocks = blockCount(header);
    if (told !== blocks) progress(blocks);
  }

  function carryOut(effect: RelayEffect): void {
    switch (effect.effect) {
      case 'fetch':
        ({ sources } = effect);
        supply.use(sources.flatMap((source) => placed(source) ?? []));
        if (sources.length > 0) bring('takeOver');
        break;
      case 'notify':
        void notify(effect.node);
        break;
      case 'sayState': {
        const { effect: _, ...facts } = effect;
        const figures = facts.state === 'held' || facts.state === 'failed' ? supply.figures() : [];
        const why = facts.state === 'failed' ? error : null;
        options.send({ type: 'treeState', ccm, assignment, ...facts, blocks, figures, error: why });
        break;
      }
      case 'askNext': {
        const { effect: _, ...facts } = effect;
        options.send({ type: 'treeNext', ccm, assignment, ...facts });
        break;
      }
      case 'sayLost': {
        const { effect: _, ...facts } = effect;
        options.send({ type: 'treeSourceLost', ccm, assignment, ...facts });
        break;
      }
      case 'log':
        log.info({ site, assignment, ...effect.data }, effect.event);
    }
  }

  function placed({ node, part, parts }: SourceChoice): PlacedSource | undefined {
    const place = node === null ? null : places.get(node);
    return place === undefined ? undefined : { part, parts, place };
  }

  async function notify(node: string): Promise<void> {
    const leader = next.get(node);
    const outcome = leader === undefined ? 'unreachable' : await options.notify(leader);
    if (!isClosed) runner.handle({ input: 'notified', node, outcome });
  }

  runner.handle({ input: 'link', isUp: options.isLinkUp });
  runner.handle({ input: 'mayForward', may: options.mayForward });

  return {
    content,
    expect() {
      supply.expect();
      runner.handle({ input: 'expected' });
      bring('want');
    },
    handOut(handOut) {
      const { number } = handOut;
      if (number < newest) return false;
      const isNew = number > newest;
      newest = number;
      supply.useTicket(handOut.ticket);
      for (const { node, address, port } of handOut.sources)
        if (node !== null) places.set(node, { node, address, port });
      const choices = handOut.sources.map(({ node, part, parts }) => ({ node, part, parts }));
      runner.handle({ input: 'handOut', number, sources: choices });
      return isNew;
    },
    answer(leaders, more) {
      next = new Map([...next, ...leaders.map((leader) => [leader.node, leader] as const)]);
      runner.handle({ input: 'answer', next: leaders.map(({ node }) => node), more });
    },
    newest: () => newest,
    message: () => last,
    handle: runner.handle,
    vanished() {
      told = -1;
      runner.handle({ input: 'vanished' });
    },
    end() {
      runner.handle({ input: 'ended' });
      supply.end();
    },
    wanted(message) {
      last = message;
      if (message.source.kind === 'url') supply.fallBackTo(fetcher.supplyOf(message), message.source.ticket);
      return wanted;
    },
    status: () => ({ assignment, site, state: machine.state, sources: sources.map(({ node }) => node) }),
    close() {
      isClosed = true;
      runner.close();
      supply.end();
    },
  };
}
