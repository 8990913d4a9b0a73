// Sums of frames without WebAssembly: a table of all products of two bytes, one byte after the other.

import { type CombineKernel, coefficientsAt, memoryBytes, rowsAt } from './combine-kernel.ts';
import { multiply } from './galois-field.ts';

export function createPlainKernel(): CombineKernel {
  const memory = new Uint8Array(memoryBytes);
  const products = Array.from({ length: 256 }, (_, a) =>
    Uint8Array.from({ length: 256 }, (_, b) => multiply(a, b)),
  );

  return {
    memory,
    combine(rows, source, stride, count, bytes) {
      for (let row = 0; row < rows; row++) {
        const into = rowsAt[row] as number;
        for (let frame = 0; frame < count; frame++) {
          const table = products[memory[(coefficientsAt[row] as number) + frame] as number] as Uint8Array;
          add(memory, into, source + frame * stride, bytes, table);
        }
      }
    },
  };
}

function add(memory: Uint8Array, into: number, from: number, bytes: number, table: Uint8Array): void {
  for (let index = 0; index < bytes; index++) {
    memory[into + index] =
      (memory[into + index] as number) ^ (table[memory[from + index] as number] as number);
  }
}
