// What operators hear of the tree: leaders that failed, sources that are avoided, words that count for nothing. Each once, and not without end.

import type { Logger } from 'pino';
import type { TreeAgentMessage } from '../../model/tree-messages.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { DistributionFact } from '../../protocol/tree/tree-machines.ts';
import type { EventInput } from '../registry/event-log.ts';

export interface TreeLogOptions {
  readonly append: (event: EventInput) => void;
  /** While nothing can be written, nothing is. */
  readonly health: { readonly waitsFor: unknown };
  readonly logger: Pick<Logger, 'warn' | 'debug' | 'error'>;
  readonly clock: Pick<Clock, 'now'>;
}

interface Subject {
  readonly site: string;
}

export interface TreeLog {
  fact(subject: Subject & { readonly id: string }, fact: DistributionFact): void;
  failed(subject: Subject & { readonly assignment: string }, leader: string, error: WireError | null): void;
  /** Returns undefined, for whoever passes it over. */
  ignored(node: string, message: TreeAgentMessage, why: string): undefined;
  line(event: string, data: object): void;
}

const eventsPerMinute = 30;
const minuteMs = 60_000;
const toldMax = 1_000;

export function createTreeLog({ append, health, logger, clock }: TreeLogOptions): TreeLog {
  const told = new Set<string>();
  let minute = 0;
  let events = 0;

  function isNew(key: string): boolean {
    if (told.has(key)) return false;
    told.add(key);
    if (told.size > toldMax) told.delete(told.values().next().value as string);
    return true;
  }

  function tell(event: EventInput): void {
    const now = Math.floor(clock.now() / minuteMs);
    if (now !== minute) events = 0;
    minute = now;
    events += 1;
    if (events > eventsPerMinute || health.waitsFor !== undefined) return;
    try {
      append(event);
    } catch (error) {
      logger.error({ err: error, kind: event.kind }, 'an event of the tree could not be written');
    }
  }

  return {
    fact({ site, id }, fact) {
      if (fact.fact === 'avoided') {
        const { node, trouble } = fact;
        const data = { assignment: id, trouble };
        if (isNew(`avoided ${node} ${id}`))
          tell({ actor: 'ccm', kind: 'tree.sourceAvoided', site, node, data });
      } else if (fact.fact === 'refused' && isNew(`refused ${fact.node} ${id}`))
        logger.warn(
          { node: fact.node, assignment: id, why: fact.why },
          'a leader’s word of the tree was refused',
        );
    },
    failed({ site, assignment }, leader, error) {
      if (!isNew(`failed ${leader} ${assignment}`)) return;
      const said = error === null ? null : { code: error.code, message: error.message };
      const data = { assignment, error: said };
      tell({ actor: leader, kind: 'tree.leaderFailed', site, node: leader, data });
    },
    ignored(node, { type, assignment }, why) {
      if (isNew(`ignored ${node} ${type} ${why}`))
        logger.warn({ node, type, assignment, why }, 'a word of the tree was ignored');
      return undefined;
    },
    line: (event, data) => logger.debug(data, event),
  };
}
