// The kernel that this Node.js can run: WebAssembly with vector instructions, else the plain one, which is tens of times slower and the same to the bit.

import { loadWasm } from '../wasm/load-wasm.ts';
import type { CombineKernel } from './combine-kernel.ts';
import { multiply } from './galois-field.ts';
import { createPlainKernel } from './plain-kernel.ts';

let fastest: CombineKernel | null = null;

/** One for all blocks of this thread. */
export function fastestKernel(): CombineKernel {
  fastest ??= createSimdKernel() ?? createPlainKernel();
  return fastest;
}

type Combine = (source: number, stride: number, count: number, bytes: number) => void;

/** Null where WebAssembly does not run or the processor lacks the instructions. */
export function createSimdKernel(): CombineKernel | null {
  const exports = loadWasm(new URL('./combine.wasm', import.meta.url));
  if (!exports) return null;
  const kernel = exports as { memory: { buffer: ArrayBuffer }; combineOne: Combine; combineTwo: Combine };
  const { combineOne, combineTwo } = kernel;
  const memory = new Uint8Array(kernel.memory.buffer);
  for (let coefficient = 0; coefficient < 256; coefficient++) {
    for (let half = 0; half < 16; half++) {
      memory[coefficient * 32 + half] = multiply(coefficient, half);
      memory[coefficient * 32 + 16 + half] = multiply(coefficient, half << 4);
    }
  }
  return {
    memory,
    combine(rows, source, stride, count, bytes) {
      if (count === 0) return;
      if (rows === 1) combineOne(source, stride, count, bytes);
      else combineTwo(source, stride, count, bytes);
    },
  };
}
