// What the TLS layer's refusals of the CCM's certificate mean for a node.

/** Of errors as `tls` gives them; found in an error's causes too. */
export function tlsTroubleOf(error: unknown): 'authority' | 'clock' | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = 'code' in cause ? String(cause.code) : '';
    if (authorityCodes.has(code)) return 'authority';
    if (clockCodes.has(code)) return 'clock';
  }
  return undefined;
}

const authorityCodes: ReadonlySet<string> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);
const clockCodes: ReadonlySet<string> = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);
