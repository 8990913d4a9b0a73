// Joining: a one-time token in, a node with a certificate of the CCM's CA out (LINK-12, LINK-13). Safe to repeat.

import { hash } from 'node:crypto';
import { z } from 'zod';
import { namePattern } from '../../model/site.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Dial } from '../../net/dial/ccm-dialer.ts';
import { createDialingAgent } from '../../net/dial/dialing-agent.ts';
import { type NetworkPlace, openTunnel } from '../../net/dial/open-tunnel.ts';
import { parseJoinToken } from '../../net/join/join-token.ts';
import { explainStateDirectory } from '../../net/state-directory-trouble.ts';
import { lockStateDirectory } from '../../net/state-lock.ts';
import { checkCcmIdentity } from '../../net/tls/certificate-names.ts';
import {
  type AgentConfigurationInput,
  writeAgentConfiguration,
} from '../configuration/agent-configuration.ts';
import { forgetReleaseKeys } from '../run/known-sites.ts';
import { makeReachable } from '../run/reachable-directory.ts';
import { askCcm } from './ask-ccm.ts';
import { fetchAuthority } from './fetch-authority.ts';
import { adoptIdentity, openNextKey, readNodeIdentity } from './node-identity.ts';

export interface JoinOptions {
  /** As the CCM printed it. */
  readonly token: string;
  readonly name: string;
  /** A node of this CCM whose tunnel leads there; absent: this machine reaches the CCM itself. */
  readonly via?: NetworkPlace;
  /** The agent's state directory; made when missing. */
  readonly directory: string;
  /** Written as agent.yaml before the join when given. */
  readonly configuration?: AgentConfigurationInput;
}

export interface Joined {
  readonly name: string;
  readonly ccmUrl: string;
  /** False when this very token had been used by this directory before. */
  readonly fresh: boolean;
}

const tunnelTimeoutMs = 10_000;

/** Of `/join` and `/renew`. */
export const certificateAnswerSchema = z.strictObject({
  certificate: z.string().max(8_192),
  ca: z.string().max(8_192),
});

/**
 * Throws JOIN_TOKEN_INVALID, CA_FINGERPRINT_MISMATCH, CCM_UNREACHABLE, RATE_LIMITED, CERTIFICATE_INVALID,
 * STATE_DIRECTORY_LOCKED while an agent runs in the directory, DISK_FAILED, INVALID_CONFIGURATION; then nothing but a new key has been written.
 */
export async function joinCcm(options: JoinOptions): Promise<Joined> {
  try {
    return await join(options);
  } catch (error) {
    throw explainStateDirectory(error, options.directory);
  }
}

async function join({ token, name, via, directory, configuration }: JoinOptions): Promise<Joined> {
  const { url, secret, fingerprint } = parseJoinToken(token);
  if (!namePattern.test(name)) {
    throw new TreecastError('INVALID_INPUT', `${JSON.stringify(name)} cannot be a node’s name.`, {
      fix: 'Use up to 64 of a–z, 0–9, dot, underscore and hyphen, beginning and ending with a letter or digit.',
    });
  }
  // What is secret in it is closed by itself; the trees in it are to be reached by web servers.
  await makeReachable(directory, 0o711);
  const lock = lockStateDirectory(directory, 'treecast agent join');
  try {
    if (configuration !== undefined) await writeAgentConfiguration(directory, configuration);
    const joinSecretHash = hash('sha256', secret);
    const before = await readNodeIdentity(directory);
    if (before?.joinSecretHash === joinSecretHash && before.name === name) {
      return { name, ccmUrl: before.ccmUrl, fresh: false };
    }
    const key = await openNextKey(directory);
    const dial = via === undefined ? undefined : dialThrough(via);
    const ca = await fetchAuthority(url, fingerprint, dial);
    const { createSigningRequest } = await import('../../net/tls/signing-request.ts');
    const body = { version: 1, secret, name, request: await createSigningRequest(key, name) };
    const { value } = await askCcm({
      url: `${url}/join`,
      tls: { ca, checkServerIdentity: checkCcmIdentity },
      agent: dial === undefined ? undefined : createDialingAgent(dial),
      body,
      schema: certificateAnswerSchema,
    });
    // This CCM is believed from now on because of the token, and its release keys because of it (KEYS-11).
    await forgetReleaseKeys(directory);
    await adoptIdentity(directory, {
      version: 1,
      name,
      ccmUrl: url,
      certificate: value.certificate,
      ca,
      joinedAt: new Date().toISOString(),
      joinSecretHash,
      ...(via === undefined ? {} : { via }),
    });
    return { name, ccmUrl: url, fresh: true };
  } finally {
    lock.release();
  }
}

/** As a stranger, who shows no certificate: it has none. */
function dialThrough(via: NetworkPlace): Dial {
  return (host, port) => openTunnel({ via, host, port, credentials: null, timeoutMs: tunnelTimeoutMs });
}
