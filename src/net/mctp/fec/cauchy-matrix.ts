// The code (MCTP-61): which multiple of which data frame is in which parity frame, and how data frames come out of parity frames again. A Cauchy matrix: each
// of its square parts has an inverse, so any parity frames do in place of as many data frames. Nothing here is a frame, only coefficients.

import { logarithm, power } from './galois-field.ts';

const reciprocals = Uint8Array.from({ length: 256 }, (_, value) =>
  value === 0 ? 0 : power(-logarithm(value)),
);

/** Of data frame `data` in parity frame `parity`; the two together are at most 254. */
export function coefficientOf(parity: number, data: number): number {
  return reciprocals[distance(parity, data)] as number;
}

/**
 * The inverse of the part of the matrix with these parity frames and as many data frames, all different: row after row one data frame, in it one factor for
 * each parity frame. By the closed form for Cauchy matrices, so in as many steps as there are factors.
 */
export function inverseCoefficients(parity: readonly number[], data: readonly number[]): Uint8Array {
  const size = parity.length;
  const ofParity = new Int32Array(size);
  const ofData = new Int32Array(size);
  for (let one = 0; one < size; one++) {
    let forParity = 0;
    let forData = 0;
    for (let other = 0; other < size; other++) {
      forParity += logarithm(distance(parity[one] as number, data[other] as number));
      forData += logarithm(distance(parity[other] as number, data[one] as number));
      if (other === one) continue;
      forParity -= logarithm((parity[one] as number) ^ (parity[other] as number));
      forData -= logarithm((data[one] as number) ^ (data[other] as number));
    }
    ofParity[one] = forParity;
    ofData[one] = forData;
  }
  const inverse = new Uint8Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const between = logarithm(distance(parity[column] as number, data[row] as number));
      inverse[row * size + column] = power((ofData[row] as number) + (ofParity[column] as number) - between);
    }
  }
  return inverse;
}

/** Parity frame i stands at 255 - i, data frame j at j; never 0, since together they are at most 254. */
function distance(parity: number, data: number): number {
  return 255 ^ parity ^ data;
}
