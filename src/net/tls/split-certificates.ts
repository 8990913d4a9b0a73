// Certificates that stand one after another in a text, as PEM each. What else is in it is left out.

export function splitCertificates(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
