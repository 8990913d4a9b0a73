// What a node shows to its CCM and what it believes of it: renews its certificate in time, and follows the CCM's authorities and
// release keys over rotations (KEYS-3 to KEYS-5, KEYS-9 to KEYS-12). The link tells it what it was refused for.

import type { KeyObject } from 'node:crypto';
import type { Agent } from 'node:https';
import { TreecastError, toWireError } from '../../model/treecast-error.ts';
import { createBackoff } from '../../net/backoff.ts';
import type { CcmTime } from '../../net/ccm-time.ts';
import type { Clock } from '../../net/clock.ts';
import { followStatements, type KeyStatement, keysAnswerSchema } from '../../net/keys/key-statement.ts';
import { exportPrivateKey } from '../../net/tls/key-pair.ts';
import { splitCertificates } from '../../net/tls/split-certificates.ts';
import { ccmConnectionOptions, type TlsCredentials } from '../../net/tls/tls-settings.ts';
import { type Answer, askCcm } from '../join/ask-ccm.ts';
import { certificateAnswerSchema } from '../join/join-ccm.ts';
import {
  adoptIdentity,
  type NodeIdentity,
  type OpenedIdentity,
  openNextKey,
  writeNodeIdentity,
} from '../join/node-identity.ts';
import type { AgentLog } from '../session/agent-log.ts';
import type { ReleaseKeys } from '../session/release-keys.ts';
import { renewalDue } from './renewal-due.ts';
import { tlsTroubleOf } from './tls-trouble.ts';

export interface NodeCredentials {
  /** Replaced as a whole when it changes. */
  current(): TlsCredentials;
  /** What receipts are signed with. */
  key(): KeyObject;
  /** Renews when that is due. Never rejects; what went wrong is logged and tried again. */
  check(): Promise<void>;
  /** Mends what the link was refused for, where that can be. */
  linkDown(error: TreecastError): void;
  /** Waits for what is under way; later calls do nothing. */
  close(): Promise<void>;
}

export interface NodeCredentialsOptions {
  readonly directory: string;
  readonly opened: OpenedIdentity;
  readonly ccmUrl: string;
  /** Makes the connections; absent: Node.js does, directly. */
  readonly agent?: Agent;
  readonly releaseKeys: ReleaseKeys;
  readonly ccmTime: CcmTime;
  readonly clock: Clock;
  readonly log: AgentLog;
  /** In [0, 1). */
  readonly random: () => number;
  /** The link should be made anew, with what is current now. */
  readonly onChanged: () => void;
}

const checkIntervalMs = 3_600_000;
const retryMinMs = 1_000;

export function createNodeCredentials(options: NodeCredentialsOptions): NodeCredentials {
  const { directory, ccmUrl, releaseKeys, ccmTime, clock, log } = options;
  let { identity, key } = options.opened;
  let credentials = credentialsOf(identity, key);
  let working: Promise<void> = Promise.resolve();
  let isWorking = false;
  let closed = false;
  let cancelCheck: (() => void) | undefined;
  let cancelRetry: (() => void) | undefined;
  const retry = createBackoff({ minMs: retryMinMs, maxMs: checkIntervalMs, random: options.random });
  /** The link tries every few seconds; what stays wrong is said once. */
  let lastTrouble = '';

  /** One thing at a time; what is asked for meanwhile is asked for again by the next failure or check. */
  function work(what: string, run: () => Promise<void>): Promise<void> {
    if (isWorking || closed) return working;
    isWorking = true;
    working = run()
      .catch((error: unknown) => {
        const { code, message, fix } = toWireError(error);
        if (message === lastTrouble) return;
        lastTrouble = message;
        log.warn({ code, fix }, `${what} failed and is tried again: ${message}`);
      })
      .finally(() => {
        isWorking = false;
        retryRenewal();
      });
    return working;
  }

  /** A renewal that failed, or that was asked for during other work, does not wait for the next check. */
  function retryRenewal(): void {
    cancelRetry?.();
    cancelRetry = undefined;
    if (closed) return;
    if (renewalDue(identity, ccmTime.now()) === undefined) retry.reset();
    else cancelRetry = clock.after(retry.next(), () => void check());
  }

  function become(next: NodeIdentity, nextKey: KeyObject): void {
    lastTrouble = '';
    identity = next;
    key = nextKey;
    credentials = credentialsOf(next, nextKey);
    options.onChanged();
  }

  async function renew(why: string): Promise<void> {
    const nextKey = await openNextKey(directory);
    // Once in months; what it takes to make a request is not kept in memory until then.
    const { createSigningRequest } = await import('../../net/tls/signing-request.ts');
    const request = await createSigningRequest(nextKey, identity.name);
    const { value } = await askCcm({
      url: `${ccmUrl}/renew`,
      tls: ccmConnectionOptions(credentials),
      agent: options.agent,
      body: { version: 1, request },
      schema: certificateAnswerSchema,
    });
    const next = { ...identity, certificate: value.certificate };
    await adoptIdentity(directory, next);
    log.info({ why }, 'the node’s certificate is renewed');
    become(next, nextKey);
  }

  function askForKeys(verify: boolean): Promise<Answer<{ readonly statements: readonly KeyStatement[] }>> {
    const tls = verify ? ccmConnectionOptions(credentials) : { rejectUnauthorized: false };
    return askCcm({ url: `${ccmUrl}/keys`, tls, agent: options.agent, schema: keysAnswerSchema });
  }

  /** KEYS-10: who answers need not be believed for this: the statements are signed by an authority that is. */
  async function followAuthorities(): Promise<void> {
    const { value } = await askForKeys(false);
    const [newest] = followStatements('ca', splitCertificates(identity.ca), value.statements);
    if (newest === undefined) {
      throw new TreecastError(
        'CA_FINGERPRINT_MISMATCH',
        'The CCM has a certificate authority that the one this node believes does not vouch for.',
        {
          fix: 'Check that the address leads to your CCM. If its authority was replaced as compromised, remove the node there and join again with a new token.',
        },
      );
    }
    const next = { ...identity, ca: newest };
    await writeNodeIdentity(directory, next);
    log.info({}, 'the CCM has a new certificate authority, which the former one vouches for');
    become(next, key);
  }

  async function followReleaseKeys(): Promise<void> {
    const { value } = await askForKeys(true);
    releaseKeys.vouchedFor(followStatements('release', releaseKeys.pems(), value.statements));
    options.onChanged();
  }

  /** KEYS-12: TLS judges by this machine's clock; that the CCM's differs can be said at least. */
  async function explainClock(): Promise<void> {
    const { date } = await askForKeys(false);
    const own = clock.now();
    const days = date === null ? '?' : ((own - date) / 86_400_000).toFixed(1);
    const ccm = date === null ? 'unknown' : new Date(date).toISOString();
    throw new TreecastError(
      'CERTIFICATE_INVALID',
      `The CCM’s certificate is not valid by this machine’s clock: ${new Date(own).toISOString()} here, ${ccm} on the CCM, ${days} days apart.`,
      { fix: 'Set the clock that is wrong, for example with chrony or systemd-timesyncd.' },
    );
  }

  function check(): Promise<void> {
    const why = renewalDue(identity, ccmTime.now());
    return why === undefined ? Promise.resolve() : work('renewing the certificate', () => renew(why));
  }

  function checkAgain(): void {
    if (closed) return;
    cancelCheck = clock.after(checkIntervalMs, () => void check().finally(checkAgain));
  }
  checkAgain();

  return {
    current: () => credentials,
    key: () => key,
    check,
    linkDown(error) {
      const trouble = tlsTroubleOf(error);
      if (error.code === 'CERTIFICATE_EXPIRED') {
        void work('renewing the certificate', () => renew('it has expired'));
      } else if (error.code === 'RELEASE_KEY_UNKNOWN') {
        void work('following the CCM’s release keys', followReleaseKeys);
      } else if (trouble === 'authority') {
        void work('following the CCM’s authority', followAuthorities);
      } else if (trouble === 'clock') {
        void work('connecting', explainClock);
      }
    },
    async close() {
      closed = true;
      cancelCheck?.();
      cancelRetry?.();
      await working;
    },
  };
}

function credentialsOf({ certificate, ca }: NodeIdentity, key: KeyObject): TlsCredentials {
  return { identity: { key: exportPrivateKey(key), certificate }, ca };
}
