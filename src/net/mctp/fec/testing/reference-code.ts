// The code once more, as MCTP-60 to MCTP-63 are written, slowly and by other means than the product: products bit by bit, the matrix written out, and missing
// frames by Gaussian elimination. For tests to compare with.

export function slowProduct(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product <<= 1;
    if (product & 0x100) product ^= 0b1_0001_1101;
    if (b & (1 << bit)) product ^= a;
  }
  return product;
}

const slowInverses = Array.from({ length: 256 }, (_, value) => {
  for (let other = 0; other < 256; other++) if (slowProduct(value, other) === 1) return other;
  return 0;
});

/** What frame `index` of all, data frames first, has of each data frame. */
function matrixRow(index: number, dataFrames: number): number[] {
  return Array.from({ length: dataFrames }, (_, data) => {
    if (index < dataFrames) return index === data ? 1 : 0;
    const parity = index - dataFrames;
    return slowInverses[(255 - parity) ^ data] ?? 0;
  });
}

/** All frames of the block, the last data frame filled up with zeros. */
function dataFramesOf(block: Uint8Array, frameBytes: number): number[][] {
  const bytes = Math.min(frameBytes, block.length);
  return Array.from({ length: Math.ceil(block.length / frameBytes) }, (_, data) =>
    Array.from({ length: bytes }, (_, at) => block[data * frameBytes + at] ?? 0),
  );
}

export function referenceParity(block: Uint8Array, frameBytes: number, parity: number): Uint8Array {
  const frames = dataFramesOf(block, frameBytes);
  const row = matrixRow(frames.length + parity, frames.length);
  return Uint8Array.from({ length: frames[0]?.length ?? 0 }, (_, at) =>
    frames.reduce((sum, frame, data) => sum ^ slowProduct(row[data] ?? 0, frame[at] ?? 0), 0),
  );
}

/** The block from exactly as many frames as it has data frames: `[index, bytes]`, data frames first, parity frame i being data frames + i. */
export function referenceBlock(
  received: readonly (readonly [number, Uint8Array])[],
  blockBytes: number,
  frameBytes: number,
): Uint8Array {
  const size = Math.ceil(blockBytes / frameBytes);
  const bytes = Math.min(frameBytes, blockBytes);
  const rows = received.map(([index, frame]) => [
    ...matrixRow(index, size),
    ...Array.from({ length: bytes }, (_, at) => frame[at] ?? 0),
  ]);
  for (let column = 0; column < size; column++) {
    const pivot = rows.findIndex((row, place) => place >= column && row[column] !== 0);
    if (pivot < 0)
      throw new Error(`frames ${received.map(([index]) => index).join(', ')} do not give the block`);
    const [chosen = []] = rows.splice(pivot, 1);
    const scale = slowInverses[chosen[column] ?? 0] ?? 0;
    const scaled = chosen.map((value) => slowProduct(scale, value));
    for (const [place, row] of rows.entries()) {
      const factor = row[column] ?? 0;
      if (factor !== 0) rows[place] = row.map((value, at) => value ^ slowProduct(factor, scaled[at] ?? 0));
    }
    rows.splice(column, 0, scaled);
  }
  return Uint8Array.from(rows.flatMap((row) => row.slice(size))).slice(0, blockBytes);
}
