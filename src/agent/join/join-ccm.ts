// Joining: a one-time token in, a node with a certificate of the CCM's CA out (LINK-12, LINK-13). Safe to repeat.

import { hash } from 'node:crypto';
import { request } from 'node:https';
import { z } from 'zod';
import { namePattern } from '../../model/site.ts';
import { fromWireError, TreecastError } from '../../model/treecast-error.ts';
import { readBody } from '../../net/http/read-body.ts';
import { parseJoinToken } from '../../net/join/join-token.ts';
import { wireErrorSchema } from '../../net/link/field-schemas.ts';
import { lockStateDirectory } from '../../net/state-lock.ts';
import { checkCcmIdentity } from '../../net/tls/certificate-names.ts';
import { createSigningRequest } from '../../net/tls/signing-request.ts';
import {
  type AgentConfigurationInput,
  writeAgentConfiguration,
} from '../configuration/agent-configuration.ts';
import { fetchAuthority } from './fetch-authority.ts';
import { openNodeKey, readNodeIdentity, writeNodeIdentity } from './node-identity.ts';

export interface JoinOptions {
  /** As the CCM printed it. */
  readonly token: string;
  readonly name: string;
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

const timeoutMs = 15_000;
const answerBytesMax = 65_536;
const answerSchema = z.strictObject({ certificate: z.string().max(8_192), ca: z.string().max(8_192) });
const errorSchema = z.object({ error: wireErrorSchema });

/**
 * Throws JOIN_TOKEN_INVALID, CA_FINGERPRINT_MISMATCH, CCM_UNREACHABLE, RATE_LIMITED, CERTIFICATE_INVALID,
 * STATE_DIRECTORY_LOCKED while an agent runs in the directory; then nothing but a new key has been written.
 */
export async function joinCcm({ token, name, directory, configuration }: JoinOptions): Promise<Joined> {
  const { url, secret, fingerprint } = parseJoinToken(token);
  if (!namePattern.test(name)) {
    throw new TreecastError('INVALID_INPUT', `${JSON.stringify(name)} cannot be a node’s name.`, {
      fix: 'Use up to 64 of a–z, 0–9, dot, underscore and hyphen, beginning and ending with a letter or digit.',
    });
  }
  const lock = lockStateDirectory(directory, 'treecast agent join');
  try {
    if (configuration !== undefined) await writeAgentConfiguration(directory, configuration);
    const joinSecretHash = hash('sha256', secret);
    const before = await readNodeIdentity(directory);
    if (before?.joinSecretHash === joinSecretHash && before.name === name) {
      return { name, ccmUrl: before.ccmUrl, fresh: false };
    }
    const key = await openNodeKey(directory);
    const ca = await fetchAuthority(url, fingerprint);
    const body = { version: 1, secret, name, request: await createSigningRequest(key, name) };
    const answer = await postJoin(url, ca, body);
    await writeNodeIdentity(directory, {
      version: 1,
      name,
      ccmUrl: url,
      certificate: answer.certificate,
      ca,
      joinedAt: new Date().toISOString(),
      joinSecretHash,
    });
    return { name, ccmUrl: url, fresh: true };
  } finally {
    lock.release();
  }
}

async function postJoin(url: string, ca: string, body: unknown): Promise<z.output<typeof answerSchema>> {
  const { status, text } = await post(`${url}/join`, ca, JSON.stringify(body)).catch((cause: unknown) => {
    if (cause instanceof TreecastError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TreecastError('CCM_UNREACHABLE', `The CCM at ${url} did not answer: ${why}.`, {
      cause,
      fix: 'Run the same command again; the token stays good until it was used.',
    });
  });
  const value = parseJson(text);
  if (status === 200) {
    const parsed = answerSchema.safeParse(value);
    if (parsed.success) return parsed.data;
  }
  const refusal = errorSchema.safeParse(value);
  if (refusal.success) throw fromWireError(refusal.data.error);
  throw new TreecastError('MESSAGE_INVALID', `The CCM at ${url} answered with something else (${status}).`, {
    fix: 'Check that the token’s address is the agents’ port of a Treecast CCM.',
  });
}

function post(url: string, ca: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: 'POST',
      ca,
      minVersion: 'TLSv1.3',
      checkServerIdentity: checkCcmIdentity,
      agent: false,
      timeout: timeoutMs,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    });
    outgoing.on('timeout', () =>
      outgoing.destroy(new TreecastError('CCM_UNREACHABLE', 'it did not answer in time')),
    );
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      readBody(response, answerBytesMax).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, text: bytes.toString('utf8') }),
        reject,
      );
    });
    outgoing.end(body);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
