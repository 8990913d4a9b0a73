// GF(256) as parity frames count in it (MCTP-60): bytes are polynomials modulo x⁸ + x⁴ + x³ + x² + 1 (0x11d); their sum is XOR. By tables of logarithms to the
// base 2: for coefficients, not for whole frames.

const polynomial = 0x11d;
const exponentials = new Uint8Array(510);
const logarithms = new Uint8Array(256);

for (let power = 0, value = 1; power < 255; power++) {
  exponentials[power] = value;
  exponentials[power + 255] = value;
  logarithms[value] = power;
  value <<= 1;
  if (value > 255) value ^= polynomial;
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : power(logarithm(a) + logarithm(b));
}

/** 2 to the `exponent`, which may be any integer. */
export function power(exponent: number): number {
  return exponentials[((exponent % 255) + 255) % 255] as number;
}

/** Of anything but 0. */
export function logarithm(value: number): number {
  return logarithms[value] as number;
}
