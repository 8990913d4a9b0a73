// What the wire makes of control messages, without encoding them: how long each is, and into which parts a long list is split. Mirrors
// src/net/segment/wire, which the simulator may not import; a test compares the two.

import type { ControlMessage, ListedMember, MemberOffer } from '../../model/segment.ts';
import { packItems } from '../../protocol/segment/pack-items.ts';

/** Header and signature of a datagram. */
const envelopeBytes = 136;
const datagramBytesMax = 1232;
const listHeadBytes = 17;
const solicitHeadBytes = 7;
const offerBytes = 13;

/** UDP payload of one datagram; names and addresses are ASCII here. */
export function messageBytes(message: ControlMessage): number {
  return envelopeBytes + bodyBytes(message);
}

/** What one message is sent as. */
export function splitMessage(message: ControlMessage): readonly ControlMessage[] {
  const roomBytes = datagramBytesMax - envelopeBytes;
  if (message.type === 'member-list') {
    const groups = packItems(message.members, listedBytes, roomBytes - listHeadBytes);
    return groups.map((members, part) => ({ ...message, part, parts: groups.length, members }));
  }
  if (message.type === 'solicit') {
    const groups = packItems(message.nodes, textBytes, roomBytes - solicitHeadBytes);
    return groups.map((nodes) => ({ ...message, nodes }));
  }
  return [message];
}

const textBytes = (text: string): number => 1 + text.length;
const listedBytes = ({ node, address }: ListedMember): number =>
  textBytes(node) + textBytes(address) + 2 + 8 + 1;
const offered = (_: MemberOffer): number => offerBytes;

function bodyBytes(message: ControlMessage): number {
  switch (message.type) {
    case 'leader-alive':
      return message.move === null ? 28 : 28 + 24 + (message.move.channel.group ?? '').length;
    case 'leader-claim':
      return 15;
    case 'register':
      return (
        14 +
        textBytes(message.leader) +
        textBytes(message.address) +
        3 +
        message.capabilities.reduce((sum, capability) => sum + textBytes(capability), 0) +
        offered(message.offer)
      );
    case 'member-list':
      return message.members.reduce((sum, member) => sum + listedBytes(member), listHeadBytes);
    case 'here':
      return 12 + offered(message.offer);
    case 'solicit':
      return message.nodes.reduce((sum, node) => sum + textBytes(node), solicitHeadBytes);
    case 'concede':
    case 'newer-term':
    case 'resign':
    case 'leave':
      return 6;
  }
}
