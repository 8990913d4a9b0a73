// A computing kernel: a WebAssembly module without imports, loaded at once from the file beside its user. Decides only whether this Node.js can run it:
// processors without the vector instructions exist, and Node.js can be started without WebAssembly.

import { readFileSync } from 'node:fs';

interface WebAssemblyEngine {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
}

/** What the module exports; null where it cannot run. `file` belongs to the package: that it cannot be read is a broken installation, and throws. */
export function loadWasm(file: URL): object | null {
  const engine = (globalThis as { WebAssembly?: WebAssemblyEngine }).WebAssembly;
  if (!engine) return null;
  const bytes = readFileSync(file);
  if (!engine.validate(bytes)) return null;
  return new engine.Instance(new engine.Module(bytes)).exports;
}
