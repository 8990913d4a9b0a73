// CHAN-4: lists that are longer than a datagram go as several messages, each of which counts by itself: when one is lost, those that the
// others name are served all the same.

import type { ControlMessage, ListedMember } from '../../../model/segment.ts';
import { createByteWriter } from './byte-writer.ts';
import { encodeListed } from './encode-body.ts';
import { bodyBytesMax } from './envelope.ts';
import { probeBytesMax } from './wire-limits.ts';

const listHeadBytes = 6 + 6 + 2 + 2 + 1;
const solicitHeadBytes = 6 + 1;
const itemsMax = 255;

/** A message that fits comes back as it is. */
export function splitMessage(message: ControlMessage): readonly ControlMessage[] {
  if (message.type === 'member-list') {
    const groups = packed(message.members, bytesOfMember, bodyBytesMax - listHeadBytes);
    return groups.map((members, part) => ({ ...message, part, parts: groups.length, members }));
  }
  if (message.type === 'solicit') {
    const groups = packed(
      message.nodes,
      (node) => 1 + Buffer.byteLength(node),
      bodyBytesMax - solicitHeadBytes,
    );
    return groups.map((nodes) => ({ ...message, nodes }));
  }
  return [message];
}

/** In the given order, each group as full as it can be; one empty group for no items. */
function packed<Item>(items: readonly Item[], bytesOf: (item: Item) => number, bytesMax: number): Item[][] {
  let group: Item[] = [];
  const groups = [group];
  let bytes = 0;
  for (const item of items) {
    const more = bytesOf(item);
    if (bytes + more > bytesMax || group.length === itemsMax) {
      group = [];
      groups.push(group);
      bytes = 0;
    }
    group.push(item);
    bytes += more;
  }
  return groups;
}

function bytesOfMember(member: ListedMember): number {
  const writer = createByteWriter(probeBytesMax);
  encodeListed(writer, member);
  return writer.result().length;
}
