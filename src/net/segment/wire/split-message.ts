// CHAN-4: lists that are longer than a datagram go as several messages, each of which counts by itself: when one is lost, those that the
// others name are served all the same.

import type { ControlMessage, ListedMember } from '../../../model/segment.ts';
import { packItems } from '../../../protocol/segment/pack-items.ts';
import { createByteWriter } from './byte-writer.ts';
import { encodeListed } from './encode-body.ts';
import { bodyBytesMax } from './envelope.ts';
import { probeBytesMax } from './wire-limits.ts';

const listHeadBytes = 6 + 6 + 2 + 2 + 1;
const solicitHeadBytes = 6 + 1;

/** A message that fits comes back as it is. */
export function splitMessage(message: ControlMessage): readonly ControlMessage[] {
  if (message.type === 'member-list') {
    const groups = packItems(message.members, bytesOfMember, bodyBytesMax - listHeadBytes);
    return groups.map((members, part) => ({ ...message, part, parts: groups.length, members }));
  }
  if (message.type === 'solicit') {
    const groups = packItems(
      message.nodes,
      (node) => 1 + Buffer.byteLength(node),
      bodyBytesMax - solicitHeadBytes,
    );
    return groups.map((nodes) => ({ ...message, nodes }));
  }
  return [message];
}

function bytesOfMember(member: ListedMember): number {
  const writer = createByteWriter(probeBytesMax);
  encodeListed(writer, member);
  return writer.result().length;
}
