// What a certificate is known by: SHA-256 of its DER, 64 lower-case hex digits.

import { hash } from 'node:crypto';

export function fingerprintOf(der: Uint8Array): string {
  return hash('sha256', der);
}
