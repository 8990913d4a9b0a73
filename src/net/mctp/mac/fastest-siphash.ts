// The hash that this Node.js can run: WebAssembly, else plain TypeScript, ten times slower and the same to the bit.

import { loadWasm } from '../wasm/load-wasm.ts';
import { createPlainSipHash } from './plain-siphash.ts';
import type { SipHash } from './siphash.ts';

let fastest: SipHash | null = null;

/** One for all keys of this thread. */
export function fastestSipHash(): SipHash {
  fastest ??= createWasmSipHash() ?? createPlainSipHash();
  return fastest;
}

/** Null where WebAssembly does not run. */
export function createWasmSipHash(): SipHash | null {
  const exports = loadWasm(new URL('./siphash.wasm', import.meta.url));
  if (!exports) return null;
  const { memory, hash } = exports as { memory: { buffer: ArrayBuffer }; hash: SipHash['hash'] };
  return { memory: new Uint8Array(memory.buffer), hash };
}
