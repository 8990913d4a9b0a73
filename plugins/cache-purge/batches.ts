// Cuts a list into batches that respect a service's limits: so many entries, so many bytes in all.

export function batches<T>(
  entries: readonly T[],
  limit: { readonly entriesMax: number; readonly bytesMax?: number; bytes?(entry: T): number },
): T[][] {
  const { entriesMax, bytesMax = Number.POSITIVE_INFINITY, bytes = () => 0 } = limit;
  const all: T[][] = [];
  let batch: T[] = [];
  let batchBytes = 0;
  for (const entry of entries) {
    const size = bytes(entry);
    if (batch.length >= entriesMax || (batch.length > 0 && batchBytes + size > bytesMax)) {
      all.push(batch);
      batch = [];
      batchBytes = 0;
    }
    batch.push(entry);
    batchBytes += size;
  }
  if (batch.length > 0) all.push(batch);
  return all;
}
