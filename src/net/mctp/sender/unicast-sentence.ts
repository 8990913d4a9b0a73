// Why a receiver is finished by unicast, for people.

import type { UnicastReason } from '../../../protocol/mctp/mctp-machines.ts';

const sentences: Readonly<Record<UnicastReason, string>> = {
  lossy: 'it loses far more of the frames than the others do',
  alone: 'it alone lacks these blocks, which would cost everybody else',
  stuck: 'what it lacks did not become less',
  silent: 'nothing is heard of it: statuses or frames do not arrive',
  absent: 'it did not join the session',
  gone: 'it has left the session',
  forging: 'it calls too many blocks forged',
  stopped: 'the session was ended',
};

export function unicastSentence(node: string, why: UnicastReason): string {
  return `${node} fetches by unicast: ${sentences[why]}.`;
}
