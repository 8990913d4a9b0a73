// A real agent, joined to a real gateway on 127.0.0.1; what the CCM's core would say is said by the test.

import { createPublicKey, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import type { AgentConfigurationInput } from '../../src/agent/configuration/agent-configuration.ts';
import { joinCcm } from '../../src/agent/join/join-ccm.ts';
import { type RunningAgent, runAgent } from '../../src/agent/run/run-agent.ts';
import {
  assignmentOf,
  decisionOf,
  type SampleRelease,
  type SampleTree,
} from '../../src/agent/testing/sample-tree.ts';
import type { EncodedAssignment } from '../../src/assignment/encode-assignment.ts';
import type { AgentReport } from '../../src/ccm/gateway/agent-connection.ts';
import {
  type RunningGateway,
  type RunningGatewayOptions,
  runGateway,
} from '../../src/ccm/gateway/testing/running-gateway.ts';
import type { CcmMessage, Hello, SiteGrant } from '../../src/model/messages.ts';
import type { SignedDecision } from '../../src/model/receipt.ts';
import { formatJoinToken } from '../../src/net/join/join-token.ts';
import { type TestScope, temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { issueTicket } from '../../src/net/tickets/ticket.ts';
import { until } from '../../src/plugins/testing/until.ts';

export const node = 'web-1';
export const site = 'sample';
const contentKey = { id: 'sample-1', key: Buffer.alloc(32, 0x11).toString('base64') };

export interface LinkedAgent {
  ccm: RunningGateway;
  readonly directory: string;
  agent: RunningAgent;
  say(message: CcmMessage): void;
  /** Everything the agent reported, over all connections, in order. */
  reports(): AgentReport[];
  hellos(): Hello[];
  /** Resolves to the first report of a type that has not been taken yet. */
  next<T extends AgentReport['type']>(type: T): Promise<Extract<AgentReport, { type: T }>>;
  release(sequence: number, base: SampleTree, target: SampleTree): SampleRelease;
  /** The notice of a release's assignment, inside the message. */
  inline(release: SampleRelease, assignment?: EncodedAssignment): CcmMessage;
  /** As {@link inline}, with the files behind the gateway's ranges. */
  byUrl(release: SampleRelease, assignment?: EncodedAssignment): CcmMessage;
  decide(release: SampleRelease): CcmMessage;
  /** Stages and switches. */
  publish(release: SampleRelease): Promise<void>;
  restartCcm(lastDecision: SignedDecision | null): Promise<void>;
  restartAgent(): Promise<void>;
  /** Of the built-in server. */
  fetch(path: string): Promise<{ readonly tree: string; readonly text: string }>;
}

export function joinTokenOf(ccm: RunningGateway, secret = randomBytes(32).toString('base64url')): string {
  ccm.secrets.set(secret, 'good');
  return formatJoinToken({ url: ccm.url, secret, fingerprint: ccm.certificates.fingerprint });
}

export function welcomeOf(
  ccm: Pick<RunningGateway, 'releaseKey'>,
  lastDecision: SignedDecision | null,
): CcmMessage {
  const grant: SiteGrant = {
    site,
    contentKeys: [contentKey],
    policy: { autonomous: false, fileMode: '644', executableMode: '755', directoryMode: '755' },
    lastDecision,
  };
  const releaseKeys = [createPublicKey(ccm.releaseKey).export({ type: 'spki', format: 'pem' }) as string];
  return { type: 'welcome', protocol: 1, ccmTime: Date.now(), releaseKeys, sites: [grant] };
}

export async function linkAgent(
  t: TestScope,
  configuration: Pick<AgentConfigurationInput, 'plugins'> = {},
): Promise<LinkedAgent> {
  const directory = join(temporaryDirectory(t), 'agent');
  let ccm: RunningGateway;
  const welcoming = (lastDecision: SignedDecision | null): RunningGatewayOptions => ({
    onConnected: (gateway, name) => gateway.send(name, welcomeOf(ccm, lastDecision)),
  });
  ccm = await runGateway(t, welcoming(null));
  await joinCcm({
    token: joinTokenOf(ccm),
    name: node,
    directory,
    configuration: { labels: { zone: 'a' }, serve: { listen: '127.0.0.1:0' }, ...configuration },
  });
  const past: RunningGateway['events'] = [];
  const events = (): RunningGateway['events'] => [...past, ...linked.ccm.events];
  const taken = new Set<AgentReport>();
  const start = (): Promise<RunningAgent> => runAgent(directory, { version: '1.2.3' });

  const linked: LinkedAgent = {
    ccm,
    directory,
    agent: await start(),
    say: (message) => linked.ccm.gateway.send(node, message),
    reports: () => events().flatMap((event) => (event.what === 'message' ? [event.report] : [])),
    hellos: () => events().flatMap((event) => (event.what === 'connected' ? [event.hello] : [])),
    async next(type) {
      const find = () => linked.reports().find((report) => report.type === type && !taken.has(report));
      await until(
        () => `the agent reports ${type}, after ${JSON.stringify(linked.reports().slice(-3))}`,
        () => find() !== undefined,
      );
      const report = find() as Extract<AgentReport, { type: typeof type }>;
      taken.add(report);
      return report;
    },
    release: (sequence, base, target) => ({
      site,
      release: { epoch: 1, sequence },
      base,
      target,
      releaseKey: linked.ccm.releaseKey,
      contentKey,
    }),
    inline(release, { header, manifest, data } = assignmentOf(release)) {
      const source = {
        kind: 'inline',
        manifest: manifest.toString('base64'),
        data: data.toString('base64'),
      } as const;
      return { type: 'assignment', site, id: header.id, release: release.release, source };
    },
    byUrl(release, { header, manifest, data } = assignmentOf(release)) {
      const { id } = header;
      const manifestPath = join(linked.ccm.directory, `${id}.manifest`);
      const dataPath = join(linked.ccm.directory, `${id}.data`);
      writeFileSync(manifestPath, manifest);
      writeFileSync(dataPath, data);
      linked.ccm.assignments.set(id, { manifestPath, dataPath });
      const facts = { job: 'j-1', assignment: id, fetcher: node, expiresAt: Date.now() + 60_000 };
      const source = {
        kind: 'url',
        manifestUrl: `${linked.ccm.url}/assignments/${id}/manifest`,
        dataUrl: `/assignments/${id}/data`,
        manifestBytes: manifest.length,
        dataBytes: data.length,
        ticket: issueTicket(facts, linked.ccm.releaseKey),
      } as const;
      return { type: 'assignment', site, id, release: release.release, source };
    },
    decide: (release) => ({ type: 'decision', decision: decisionOf(release) }),
    async publish(release) {
      linked.say(linked.inline(release));
      await linked.next('staged');
      linked.say(linked.decide(release));
      await linked.next('switched');
    },
    async restartCcm(lastDecision) {
      await linked.ccm.gateway.stop();
      past.push(...linked.ccm.events);
      ccm = await runGateway(t, { ...welcoming(lastDecision), after: linked.ccm });
      linked.ccm = ccm;
      await until('the agent is back', () => linked.ccm.gateway.isConnected(node));
    },
    async restartAgent() {
      await linked.agent.close();
      linked.agent = await start();
      await linked.agent.ready;
    },
    async fetch(path) {
      const outgoing = get(linked.agent.url + path, { agent: false });
      const [response] = await once(outgoing, 'response');
      let text = '';
      for await (const chunk of response) text += String(chunk);
      return { tree: String(response.headers['treecast-tree']), text };
    },
  };
  t.after(() => linked.agent.close());
  await linked.agent.ready;
  return linked;
}
