// How many paths, or what is said of them, one message to the CCM holds. Names on disk may be long, and six bytes a character in JSON;
// a frame that is too large would cut the node off each time it is sent (LINK-22).

import { agentMessageBytesMax } from '../../net/link/limits.ts';

/** Two lists and all the rest find room. */
const listBytesMax = (agentMessageBytesMax * 3) / 8;

/** The first of them. */
export function withinMessage<T>(items: readonly T[], countMax: number): T[] {
  const some: T[] = [];
  let bytes = 0;
  for (const item of items.slice(0, countMax)) {
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1;
    if (bytes > listBytesMax) break;
    some.push(item);
  }
  return some;
}
