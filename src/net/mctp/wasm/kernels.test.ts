// Of every kernel the text is what was written and the binary what is run: the test compiles the one and compares it with the other. `WRITE_WASM=1` writes it.

import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { describe, test } from 'node:test';
import openWabt from 'wabt';

const source = join(import.meta.dirname, '../../..');
const wabt = await openWabt();

describe('kernels in WebAssembly', () => {
  const texts = globSync('**/*.wat', { cwd: source });
  for (const text of texts) {
    const binary = text.replace(/\.wat$/, '.wasm');
    test(`${binary} is what ${text} says`, () => {
      const module = wabt.parseWat(text, readFileSync(join(source, text), 'utf8'), {
        simd: true,
        relaxed_simd: true,
        bulk_memory: true,
      });
      module.validate();
      const { buffer } = module.toBinary({});
      module.destroy();
      if (process.env['WRITE_WASM']) writeFileSync(join(source, binary), buffer);
      assert.deepEqual(readFileSync(join(source, binary)), Buffer.from(buffer));
    });
  }

  test('every binary has a text, and the build takes it along', () => {
    const binaries = globSync('**/*.wasm', { cwd: source });
    assert.deepEqual(binaries.toSorted(), texts.map((text) => text.replace(/\.wat$/, '.wasm')).toSorted());
    const { scripts } = JSON.parse(readFileSync(join(source, '../package.json'), 'utf8')) as {
      scripts: { build: string };
    };
    const copied = /&& cd src && cp --parents (\S+) \.\.\/dist$/.exec(scripts.build)?.[1] ?? '';
    assert.deepEqual(
      binaries.filter((binary) => !matchesGlob(binary, copied)),
      [],
    );
  });
});
