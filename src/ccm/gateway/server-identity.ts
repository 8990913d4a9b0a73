// The CCM's own certificate on the agents' port: a new key and certificate at each start, and again before it ends (KEYS-1).

import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../net/clock.ts';
import type { CertificateAuthority, TlsIdentity } from '../../net/tls/certificate-authority.ts';

export interface ServerIdentity {
  current(): TlsIdentity;
  /** A new one now: the authority is another. */
  issue(): Promise<TlsIdentity>;
  close(): void;
}

export interface ServerIdentityOptions {
  readonly certificates: CertificateAuthority;
  readonly hosts: readonly string[];
  readonly clock: Clock;
  /** Not for the first one. */
  readonly onRenewed: (identity: TlsIdentity) => void;
  readonly onError: (error: unknown) => void;
}

const checkIntervalMs = 3_600_000;

export async function createServerIdentity(options: ServerIdentityOptions): Promise<ServerIdentity> {
  const { certificates, hosts, clock } = options;
  let identity: TlsIdentity;
  let issuedAt = 0;
  let cancel: (() => void) | undefined;

  async function make(): Promise<TlsIdentity> {
    identity = await certificates.issueServerIdentity(hosts);
    issuedAt = clock.now();
    return identity;
  }

  async function issue(): Promise<TlsIdentity> {
    const made = await make();
    options.onRenewed(made);
    return made;
  }

  /** Two thirds of its time have passed, or the clock was set back before its beginning. */
  function isDue(): boolean {
    const expiresAt = Date.parse(new X509Certificate(identity.certificate).validTo);
    return clock.now() < issuedAt || expiresAt - clock.now() < (expiresAt - issuedAt) / 3;
  }

  function check(): void {
    cancel = clock.after(checkIntervalMs, () => {
      if (isDue()) issue().catch(options.onError);
      check();
    });
  }

  await make();
  check();
  return {
    current: () => identity,
    issue,
    close: () => cancel?.(),
  };
}
