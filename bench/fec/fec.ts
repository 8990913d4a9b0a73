// How fast the computing kernels of MCTP are on one core: parity frames made of a block and lost frames made of parity (source × parity: bytes of the block
// times the number of parity frames, a second), and the MAC of a frame; with vector instructions and plain. Rounds alternate between all cases.

import { randomBytes } from 'node:crypto';
import { blockBytes } from '../../src/model/assignment.ts';
import { blockFrames } from '../../src/net/mctp/fec/block-frames.ts';
import { createSimdKernel } from '../../src/net/mctp/fec/fastest-kernel.ts';
import { createParityCodec, type ParityCodec } from '../../src/net/mctp/fec/parity-codec.ts';
import { createPlainKernel } from '../../src/net/mctp/fec/plain-kernel.ts';
import { createWasmSipHash } from '../../src/net/mctp/mac/fastest-siphash.ts';
import { createFrameMac, macKeyBytes } from '../../src/net/mctp/mac/frame-mac.ts';
import { createPlainSipHash } from '../../src/net/mctp/mac/plain-siphash.ts';
import type { SipHash } from '../../src/net/mctp/mac/siphash.ts';
import type { Bench } from '../bench.ts';
import { median, rounded } from '../push-to-live/figures.ts';

const headerBytes = 28;
const roundMs = 20;

interface Case {
  readonly what: 'encode' | 'decode' | 'sign' | 'verify';
  readonly kernel: 'wasm' | 'plain';
  readonly parity: number;
  run(): void;
  isRight(): boolean;
}

export const fec: Bench = {
  name: 'fec',
  summary: 'GB/s of source × parity on one core, and nanoseconds of a MAC',
  usage: '[--frame 1400] [--parity 1,2,5,10,47,94] [--rounds 15]',
  options: {
    frame: { type: 'string', default: '1400' },
    parity: { type: 'string', default: '1,2,5,10,47,94' },
    rounds: { type: 'string', default: '15' },
  },
  async run({ values, say, report }) {
    const [frameBytes, rounds] = [Number(values['frame']), Number(values['rounds'])];
    const parity = String(values['parity']).split(',').map(Number);
    const frames = blockFrames(blockBytes, frameBytes);
    if (!frames || !isCount(rounds, 1000)) {
      say('--frame is a length that a block of 128 KiB can be cut into, --rounds a number from 1 to 1000');
      return 2;
    }
    const parityMax = Math.min(frames.dataFrames, frames.parityFramesMax);
    if (!parity.every((count) => isCount(count, parityMax))) {
      say(`--parity is numbers from 1 to ${parityMax}`);
      return 2;
    }
    const simd = createSimdKernel();
    const wasm = createWasmSipHash();
    if (!simd || !wasm) {
      say('this Node.js has no WebAssembly, or this processor no vector instructions');
      return 1;
    }
    const [vector, plain] = [createParityCodec(simd), createParityCodec(createPlainKernel())];
    const cases = [
      ...parity.flatMap((count) => codeCases('wasm', vector, frameBytes, count)),
      ...parity.flatMap((count) => codeCases('plain', plain, frameBytes, count)),
      ...macCases('wasm', wasm, frameBytes),
      ...macCases('plain', createPlainSipHash(), frameBytes),
    ];
    const secondsOf = new Map(cases.map((one) => [one, [] as number[]]));
    for (const one of cases) secondsOfOne(one);
    for (let round = 0; round < rounds; round++) {
      for (const [one, seconds] of secondsOf) seconds.push(secondsOfOne(one));
    }
    for (const [one, seconds] of secondsOf) report(figuresOf(one, seconds, frameBytes));
    const wrong = cases.filter((one) => !one.isRight());
    for (const { what, kernel } of wrong) say(`wrong: ${what}, ${kernel}`);
    return wrong.length === 0 ? 0 : 1;
  },
};

/** Of one run, in a round of `roundMs`. */
function secondsOfOne({ run }: Case): number {
  const begun = performance.now();
  let runs = 0;
  let passedMs = 0;
  for (let next = 1; passedMs < roundMs; next = Math.max(1, runs >> 2)) {
    for (let time = 0; time < next; time++) run();
    runs += next;
    passedMs = performance.now() - begun;
  }
  return passedMs / 1000 / runs;
}

function codeCases(name: Case['kernel'], codec: ParityCodec, frameBytes: number, parity: number): Case[] {
  const block = randomBytes(blockBytes);
  const dataFrames = Math.ceil(blockBytes / frameBytes);
  const indexes = Array.from({ length: parity }, (_, place) => place);
  const missing = indexes.map((place) => Math.floor((place * dataFrames) / parity));
  const frames = codec.encodeParity(block, frameBytes, indexes).map((bytes, index) => ({ index, bytes }));
  const received = Buffer.from(block);
  for (const data of missing)
    received.fill(0, data * frameBytes, Math.min(blockBytes, (data + 1) * frameBytes));
  let outcome = '';
  const isRight = (): boolean => outcome === 'complete' && received.equals(block);
  return [
    {
      what: 'encode',
      kernel: name,
      parity,
      run: () => void codec.encodeParity(block, frameBytes, indexes),
      isRight,
    },
    {
      what: 'decode',
      kernel: name,
      parity,
      run() {
        ({ outcome } = codec.decode(received, frameBytes, missing, frames));
      },
      isRight,
    },
  ];
}

function macCases(name: Case['kernel'], sipHash: SipHash, frameBytes: number): Case[] {
  const mac = createFrameMac(randomBytes(macKeyBytes), sipHash);
  const header = randomBytes(headerBytes);
  const payload = randomBytes(frameBytes);
  mac.sign(header, payload);
  const frame = Buffer.concat([header, payload]);
  let verified = true;
  const isRight = (): boolean => verified && frame.subarray(0, headerBytes).equals(header);
  return [
    { what: 'sign', kernel: name, parity: 0, run: () => mac.sign(header, payload), isRight },
    {
      what: 'verify',
      kernel: name,
      parity: 0,
      run() {
        verified = mac.verify(frame, headerBytes) && verified;
      },
      isRight,
    },
  ];
}

function figuresOf(
  { what, kernel, parity }: Case,
  seconds: readonly number[],
  frameBytes: number,
): Record<string, unknown> {
  if (what === 'sign' || what === 'verify') {
    const nanoseconds = seconds.map((one) => one * 1e9);
    return {
      bench: 'fec',
      case: what,
      kernel,
      bytes: headerBytes + frameBytes,
      ...spread('ns', nanoseconds, Math.round),
    };
  }
  const rates = seconds.map((one) => (blockBytes * parity) / one / 1e9);
  return {
    bench: 'fec',
    case: what,
    kernel,
    frame_bytes: frameBytes,
    parity,
    ...spread('gb_per_s', rates, rounded),
  };
}

function spread(
  unit: string,
  values: readonly number[],
  round: (value: number) => number,
): Record<string, number> {
  return {
    [unit]: round(median(values)),
    [`${unit}_min`]: round(Math.min(...values)),
    [`${unit}_max`]: round(Math.max(...values)),
  };
}

function isCount(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}
