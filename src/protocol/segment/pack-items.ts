// How a list that is longer than a datagram is divided among several. The drivers and the simulator do it alike; what an item takes is theirs.

/** What one message may count. */
const itemsMax = 255;

/** In the given order, each group as full as it can be; one empty group for no items. */
export function packItems<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  bytesMax: number,
): Item[][] {
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
