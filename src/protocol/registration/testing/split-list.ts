// Lists in parts as a driver sends them, by a number of members instead of bytes.

import type { ControlMessage } from '../../../model/segment.ts';

export function splitList(message: ControlMessage, partMembersMax: number): ControlMessage[] {
  if (message.type !== 'member-list') return [message];
  const parts = Math.max(1, Math.ceil(message.members.length / partMembersMax));
  return Array.from({ length: parts }, (_, part) => {
    const members = message.members.slice(part * partMembersMax, (part + 1) * partMembersMax);
    return { ...message, part, parts, members };
  });
}
