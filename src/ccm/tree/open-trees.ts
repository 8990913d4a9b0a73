// The tree of group leaders, put together from the CCM's parts: which CCM it is, what is measured, what leaders report.

import type { Logger } from 'pino';
import { steadyClock, systemClock } from '../../net/clock.ts';
import type { CcmState } from '../ccm-state.ts';
import type { AgentGateway } from '../gateway/agent-gateway.ts';
import type { Segments } from '../segments/segments.ts';
import { ensureCcmId } from './ccm-id.ts';
import { createLeaderFacts } from './leader-facts.ts';
import { createLeaderMeasures } from './leader-measures.ts';
import { createLeaderPlaces } from './leader-places.ts';
import { createTrees, type Trees } from './trees.ts';

export interface OpenTreesOptions {
  readonly ccm: Pick<CcmState, 'database' | 'registry' | 'keys'>;
  readonly isOn: boolean;
  readonly gateway: () => Pick<AgentGateway, 'send' | 'behind' | 'leading' | 'uplinkBytesPerSecond'>;
  readonly reportOf: Segments['reportOf'];
  readonly health: { readonly waitsFor: unknown };
  readonly logger: Logger;
}

export function openTrees(options: OpenTreesOptions): Trees {
  const { isOn, gateway, reportOf, health, logger } = options;
  const { database, registry, keys } = options.ccm;
  // KEYS-12: tickets end by the clock that they were issued by.
  const clock = steadyClock;
  const places = createLeaderPlaces(clock, reportOf);
  const measures = createLeaderMeasures({
    database,
    health,
    clock,
    random: Math.random,
    onError: (error) => logger.error({ err: error }, 'what was measured of leaders could not be written'),
  });
  return createTrees({
    ccm: ensureCcmId(registry.settings),
    isOn,
    gateway: {
      send: (node, message) => gateway().send(node, message),
      behind: (node) => gateway().behind(node),
      leading: (node) => gateway().leading(node),
    },
    wasLed: (segment) => registry.segments.find(segment)?.leader != null,
    segmentOf: (node) => registry.nodes.find(node)?.segment ?? null,
    facts: createLeaderFacts({ registry, places, measures, reportOf, clock: systemClock }),
    releaseKey: keys.releaseKey,
    ccmBytesPerSecond: () => gateway().uplinkBytesPerSecond(),
    append: registry.events.append,
    health,
    clock,
    logger,
  });
}
