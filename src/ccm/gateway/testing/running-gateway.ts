// A gateway on 127.0.0.1 with a certificate authority of its own, an authority over nodes in memory, and a record of what its
// handlers were told.

import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { CcmMessage, Hello } from '../../../model/messages.ts';
import { TreecastError } from '../../../model/treecast-error.ts';
import type { Clock } from '../../../net/clock.ts';
import type { KeyStatement } from '../../../net/keys/key-statement.ts';
import { issueNodeCredentials, type NodeCredentials } from '../../../net/testing/node-credentials.ts';
import { type TestScope, temporaryDirectory } from '../../../net/testing/temporary-directory.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../../net/tls/certificate-authority.ts';
import { fingerprintOf } from '../../../net/tls/fingerprint.ts';
import { generatePrivateKey } from '../../../net/tls/key-pair.ts';
import type { AgentReport } from '../agent-connection.ts';
import { type AgentGateway, type AgentGatewayOptions, createAgentGateway } from '../agent-gateway.ts';
import type { CertificateStanding } from '../node-authority.ts';

export type GatewayEvent =
  | {
      readonly what: 'connected';
      readonly node: string;
      readonly connection: string;
      readonly protocol: number;
      readonly publicKey: KeyObject;
      readonly hello: Hello;
    }
  | {
      readonly what: 'message';
      readonly node: string;
      readonly connection: string;
      readonly report: AgentReport;
    }
  | { readonly what: 'disconnected'; readonly node: string; readonly connection: string };

export interface RunningGateway {
  readonly gateway: AgentGateway;
  readonly certificates: CertificateAuthority;
  readonly directory: string;
  /** Origin. */
  readonly url: string;
  readonly port: number;
  readonly events: GatewayEvent[];
  /** Codes of what was turned away. */
  readonly refusals: string[];
  readonly releaseKey: KeyObject;
  /** Secret → whether it was used. */
  readonly secrets: Map<string, 'good' | 'used' | 'expired'>;
  /** Node → fingerprint of the certificate that is admitted. */
  readonly nodes: Map<string, string>;
  /** What `GET /keys` answers. */
  readonly statements: KeyStatement[];
  /** What a certificate is worth, where the test says so: by fingerprint. */
  readonly standings: Map<string, CertificateStanding>;
  /** Assignments whose next request is never answered; it takes them out. */
  readonly stalled: Set<string>;
  readonly assignments: Map<string, { readonly manifestPath: string; readonly dataPath: string }>;
  /** Node → id of the segment that it is registered in. */
  readonly segments: Map<string, string>;
  /** A registered node. */
  addNode(node: string): Promise<NodeCredentials>;
}

export interface RunningGatewayOptions {
  readonly clock?: Clock;
  readonly pingIntervalMs?: number;
  readonly limits?: AgentGatewayOptions['limits'];
  readonly uplink?: AgentGatewayOptions['uplink'];
  /** A stopped gateway, whose port, keys and nodes this one takes over. */
  readonly after?: RunningGateway;
  /** Answers a hello; the default welcomes with no sites. */
  readonly onConnected?: (gateway: AgentGateway, node: string) => void;
  readonly onLed?: AgentGatewayOptions['onLed'];
  /** Beside being recorded. */
  readonly onMessage?: (node: string, report: AgentReport) => void;
}

export const emptyWelcome: CcmMessage = {
  type: 'welcome',
  protocol: 1,
  ccmTime: 0,
  releaseKeys: [],
  sites: [],
};

export async function runGateway(t: TestScope, options: RunningGatewayOptions = {}): Promise<RunningGateway> {
  const { after } = options;
  const directory = after?.directory ?? temporaryDirectory(t);
  const certificates = await createCertificateAuthority(join(directory, 'keys'));
  const releaseKey = after?.releaseKey ?? generatePrivateKey();
  const events: GatewayEvent[] = [];
  const refusals: string[] = [];
  const secrets: RunningGateway['secrets'] = after?.secrets ?? new Map();
  const nodes = after?.nodes ?? new Map<string, string>();
  const statements: KeyStatement[] = after?.statements ?? [];
  const standings: RunningGateway['standings'] = after?.standings ?? new Map();
  const assignments: RunningGateway['assignments'] = after?.assignments ?? new Map();
  const stalled = new Set<string>();
  const segments: RunningGateway['segments'] = after?.segments ?? new Map();
  function check(secret: string): void {
    const state = secrets.get(secret) ?? 'unknown';
    if (state !== 'good') throw new TreecastError('JOIN_TOKEN_INVALID', `This join token is ${state}.`);
  }
  const gateway = createAgentGateway({
    listen: { host: '127.0.0.1', port: after?.port ?? 0 },
    identity: await certificates.issueServerIdentity(['127.0.0.1', 'localhost']),
    certificates,
    ticketKeys: () => [createPublicKey(releaseKey)],
    statements: () => statements,
    authority: {
      check,
      async redeem(secret, node, certificate) {
        check(secret);
        secrets.set(secret, 'used');
        nodes.set(node, certificate.fingerprint);
      },
      standing: async (node, { fingerprint }) =>
        standings.get(fingerprint) ?? (nodes.get(node) === fingerprint ? 'good' : 'unknown'),
      async renew(_, by, { fingerprint }) {
        standings.set(by.fingerprint, 'good').set(fingerprint, 'good');
      },
    },
    uplink: options.uplink,
    resolveAssignment: (id) =>
      stalled.delete(id) ? new Promise(() => undefined) : Promise.resolve(assignments.get(id)),
    handlers: {
      connected(node, hello, { id, protocol, publicKey }) {
        events.push({ what: 'connected', node, connection: id, protocol, publicKey, hello });
        if (options.onConnected === undefined) gateway.send(node, emptyWelcome);
        else options.onConnected(gateway, node);
      },
      message(node, report, connection) {
        events.push({ what: 'message', node, connection, report });
        options.onMessage?.(node, report);
      },
      disconnected: (node, connection) => events.push({ what: 'disconnected', node, connection }),
    },
    segmentOf: (node) => segments.get(node) ?? null,
    onRefused: (_, error) => refusals.push(error.code),
    ...(options.onLed === undefined ? {} : { onLed: options.onLed }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.pingIntervalMs === undefined ? {} : { pingIntervalMs: options.pingIntervalMs }),
  });
  const { port }: AddressInfo = await gateway.listen();
  t.after(() => gateway.stop());
  return {
    gateway,
    certificates,
    directory,
    url: `https://127.0.0.1:${port}`,
    port,
    events,
    refusals,
    releaseKey,
    secrets,
    nodes,
    standings,
    statements,
    stalled,
    assignments,
    segments,
    async addNode(node) {
      const credentials = await issueNodeCredentials(certificates, node);
      nodes.set(node, fingerprintOf(new X509Certificate(credentials.identity.certificate).raw));
      return credentials;
    },
  };
}
