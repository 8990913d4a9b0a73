// Where a node belongs, what it may be there, and what it last said of its election, as fields for people.

import type { NodeElectionResource, NodeResource } from '../model/api.ts';
import { printable } from './printable.ts';
import { timeText } from './text.ts';

/** For `node show`: where it belongs, what it may be there, and what it last said. */
export function nodeSegmentFields(node: NodeResource): (readonly [string, string])[] {
  const { election } = node;
  const role = `${node.leadRole}${node.leadFactor === 1 ? '' : `, factor ${node.leadFactor}`}`;
  const fields: (readonly [string, string])[] = [
    ['segment', node.segment ?? 'none yet'],
    ['may lead', role],
  ];
  if (election === null || election === undefined) return fields;
  return [...fields, ...electionFields(election)];
}

function electionFields(election: NodeElectionResource): (readonly [string, string])[] {
  const terms = Object.entries(election.priorityTerms).map(([name, value]) => `${name} ${roundText(value)}`);
  const heard = election.heard.length === 0 ? [] : ([['hears also', election.heard.join(', ')]] as const);
  const dropped = Object.entries(election.dropped).filter(([, count]) => count > 0);
  return [
    [
      'election',
      `${election.state}, term ${election.term}, leader ${election.leader ?? 'none'}; said ${timeText(election.saidAt)}`,
    ],
    ['priority', `${roundText(election.priority)}${terms.length === 0 ? '' : ` (${terms.join(', ')})`}`],
    ['leader heard', timeText(election.aliveAt)],
    [
      'channel',
      printable(
        `${election.transport}, ${election.address ?? 'no interface'} port ${election.port}: ${election.reason}`,
      ),
    ],
    ...heard,
    ...(dropped.length === 0
      ? []
      : ([['dropped', dropped.map(([reason, count]) => `${reason} ${count}`).join(', ')]] as const)),
  ];
}

/** At most four digits behind the point. */
function roundText(value: number): string {
  return String(Math.round(value * 10_000) / 10_000);
}
