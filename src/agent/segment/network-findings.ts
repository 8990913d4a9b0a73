// `treecast doctor network`: what stands between this node and its segment: interface, multicast, ports, the way to the CCM, and, while the agent
// does not run, the self-test with others. Looks only; the agent does its own test at start.

import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type ControlChannel, defaultControlChannel, unassignedSegment } from '../../model/segment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { delay, steadyClock } from '../../net/clock.ts';
import { chooseInterface, type InterfaceChoice } from '../../net/segment/channel/choose-interface.ts';
import { type LocalInterface, localInterfaces } from '../../net/segment/channel/local-interfaces.ts';
import { familyOf, openUdpSockets, unicastPortsMax } from '../../net/segment/channel/udp-sockets.ts';
import { openSegmentStation, type SegmentStation } from '../../net/segment/segment-station.ts';
import { burstGroup } from '../../net/segment/throughput/burst-frame.ts';
import { lockStateDirectory } from '../../net/state-lock.ts';
import { readAgentConfiguration } from '../configuration/agent-configuration.ts';
import { type OpenedIdentity, openNodeIdentity } from '../join/node-identity.ts';
import { openSegmentMemory } from './segment-memory.ts';
import { channelOf, peersOf, type SegmentSettings, segmentSettingsSchema } from './segment-settings.ts';
import { throughputFindings, throughputNotice } from './throughput-findings.ts';

export interface NetworkFinding {
  readonly name: string;
  readonly outcome: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly fix?: string;
}

interface Place {
  readonly settings: SegmentSettings;
  readonly channel: ControlChannel;
  readonly segment: string;
  readonly towards: { readonly host: string; readonly port: number };
}

const echoMs = 1_000;
const connectMs = 3_000;
/** An address that no network has: the way to it is the default route. */
const anywhere = { host: '192.0.2.1', port: 9 };
const nameInterface =
  'Name the right one in agent.yaml: `segment: {interface: NAME}`, or with --interface here.';

export interface NetworkQuestions {
  /** Another interface than agent.yaml's. */
  readonly wanted?: string | undefined;
  /** What the network carries by multicast is measured too, up to that rate; what will be sent is said before. */
  readonly throughput?:
    | { readonly bytesPerSecondMax: number; readonly say: (line: string) => void }
    | undefined;
}

/** Rejects when the directory's files cannot be read. */
export async function networkFindings(
  directory: string,
  { wanted, throughput }: NetworkQuestions = {},
): Promise<NetworkFinding[]> {
  const { segment: configured, ccm } = await readAgentConfiguration(directory);
  const identity = existsSync(directory) ? await openNodeIdentity(directory) : undefined;
  const settings = { ...(configured === 'off' ? segmentSettingsSchema.parse({}) : configured) };
  if (wanted !== undefined) settings.interface = wanted;
  const memory = existsSync(join(directory, 'segment'))
    ? (await openSegmentMemory(directory, () => undefined)).current()
    : undefined;
  const ccmUrl = ccm ?? identity?.identity.ccmUrl;
  const place: Place = {
    settings,
    channel: channelOf(settings, memory?.channel ?? defaultControlChannel),
    segment: memory?.segment ?? unassignedSegment,
    towards: ccmUrl === undefined ? anywhere : addressOf(ccmUrl),
  };
  const family = familyOf(place.channel.group ?? '0.0.0.0');
  const found = await chooseInterface({ family, wanted: settings.interface, towards: place.towards });
  const why =
    wanted !== undefined
      ? 'as asked for'
      : ccmUrl === undefined
        ? 'the default route leads over it'
        : found.why;
  const choice = found.chosen === null ? found : { ...found, why };
  const findings = [interfaceFinding(choice, family)];
  if (configured === 'off') {
    findings.push({
      name: 'segment',
      outcome: 'warn',
      message: '`segment: off` in agent.yaml: this node takes no part.',
    });
  }
  if (choice.chosen !== null) {
    findings.push(await multicastFinding(choice.chosen, place.channel));
    findings.push(await portsFinding(choice.chosen, place.channel));
  }
  if (ccmUrl !== undefined) findings.push(await ccmFinding(ccmUrl));
  if (configured !== 'off')
    findings.push(...(await selfTestFindings(directory, identity, place, throughput)));
  return findings;
}

function interfaceFinding({ chosen, why }: InterfaceChoice, family: 4 | 6): NetworkFinding {
  const name = 'interface';
  const others = localInterfaces(family).filter((other) => other.name !== chosen?.name);
  const list = others.map((other) => `${other.name} (${other.address})`).join(', ');
  const also = list === '' ? '' : ` Also up: ${list}.`;
  if (chosen === null) return { name, outcome: 'fail', message: `None: ${why}.${also}`, fix: nameInterface };
  return { name, outcome: 'ok', message: `${chosen.name} (${chosen.address}): ${why}.${also}` };
}

/** That this machine can send to the group and hear it; what lies beyond only others can tell. */
async function multicastFinding(
  local: LocalInterface,
  { group, port }: ControlChannel,
): Promise<NetworkFinding> {
  const name = 'multicast';
  if (group === null)
    return { name, outcome: 'ok', message: 'The segment uses unicast; no group is needed.' };
  const heard = Promise.withResolvers<string | null>();
  try {
    const sockets = await openUdpSockets({
      interface: local,
      family: familyOf(group),
      group: { address: group, port },
      port: 0,
      onDatagram(_, source) {
        if (source.port === sockets.own.port) heard.resolve(null);
      },
      onSent(error) {
        if (error !== null) heard.resolve(error.message);
      },
      onError: (error) => heard.resolve(error.message),
    });
    // No datagram of a segment: agents count it as garbage.
    sockets.send(Buffer.from('treecast doctor network'), { address: group, port });
    const silence = delay(steadyClock, echoMs).then(() => 'what is sent to the group does not come back');
    const trouble = await Promise.race([heard.promise, silence]);
    sockets.close();
    if (trouble === null) {
      return {
        name,
        outcome: 'ok',
        message: `${group} port ${port} is joined on ${local.name}, sent to and heard.`,
      };
    }
    return {
      name,
      outcome: 'fail',
      message: `${group} port ${port} on ${local.name}: ${trouble}.`,
      fix: firewallFix(port),
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      name,
      outcome: 'fail',
      message: `${group} cannot be joined on ${local.name}: ${message}.`,
      fix: nameInterface,
    };
  }
}

function firewallFix(port: number): string {
  return `Let a firewall on this machine pass UDP ${port} to ${port + unicastPortsMax}, in and out, and IGMP.`;
}

async function portsFinding(local: LocalInterface, { port }: ControlChannel): Promise<NetworkFinding> {
  const name = 'ports';
  const first = port + 1;
  const last = port + unicastPortsMax;
  const message = `Between the nodes of the LAN: UDP ${port} (the group) and ${first} to ${last} (the nodes). To the CCM: TCP, its agents’ port.`;
  const sockets = await openUdpSockets({
    interface: local,
    family: familyOf(local.address),
    group: null,
    port: first,
    onDatagram: () => undefined,
    onSent: () => undefined,
    onError: () => undefined,
  });
  const free = sockets.own.port;
  sockets.close();
  if (free <= last) return { name, outcome: 'ok', message: `${message} The next free one here is ${free}.` };
  return {
    name,
    outcome: 'warn',
    message: `${message} None of them is free here, so any other will be taken.`,
    fix: 'Let firewalls pass UDP between the nodes, or set another `segment: {port: N}`, the same in all nodes.',
  };
}

async function ccmFinding(ccmUrl: string): Promise<NetworkFinding> {
  const { host, port } = addressOf(ccmUrl);
  const trouble = await new Promise<string | null>((resolve) => {
    const socket = connect({ host, port, timeout: connectMs });
    const end = (what: string | null): void => {
      socket.destroy();
      resolve(what);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end('no answer'));
    socket.once('error', (error) => end(error.message));
  });
  if (trouble === null) return { name: 'ccm', outcome: 'ok', message: `${ccmUrl} takes connections.` };
  return {
    name: 'ccm',
    outcome: 'fail',
    message: `${ccmUrl}: ${trouble}.`,
    fix: 'Check that the CCM runs, and that firewalls let its agents’ port pass.',
  };
}

/** CHAN-16, in this node's own name: only while its agent does not speak in it. */
async function selfTestFindings(
  directory: string,
  opened: OpenedIdentity | undefined,
  { settings, channel, segment, towards }: Place,
  throughput: NetworkQuestions['throughput'],
): Promise<NetworkFinding[]> {
  const name = 'others';
  if (opened === undefined) {
    return [
      {
        name,
        outcome: 'warn',
        message: 'This node has not joined a CCM, so others do not answer it.',
        fix: 'treecast agent join',
      },
    ];
  }
  const { identity, key } = opened;
  let release: () => void;
  try {
    release = lockStateDirectory(directory, 'treecast doctor network').release;
  } catch (error) {
    if (!(error instanceof TreecastError) || error.code !== 'STATE_DIRECTORY_LOCKED') throw error;
    const runs = `The agent runs and tests by itself: treecast node show ${identity.name}`;
    return [{ name, outcome: 'ok', message: runs }, ...(throughput === undefined ? [] : [agentRuns])];
  }
  try {
    const memory = await openSegmentMemory(directory, () => undefined);
    const station = await openSegmentStation({
      node: identity.name,
      identity: () => ({ key, certificate: identity.certificate }),
      authorities: identity.ca,
      boot: await memory.nextBoot(),
      segment,
      place: channel,
      transport: settings.transport,
      wishes: { wanted: settings.interface, towards },
      clock: steadyClock,
      onMessage: () => undefined,
      onReached: () => undefined,
      onOtherSegment: () => undefined,
      onTwin: () => undefined,
      onBroken(error) {
        throw error;
      },
    });
    station.know(peersOf(settings, channel.port));
    // The first one makes this node known to the others.
    await station.test();
    const { reason, transport, answered, bytesMax } = await station.test();
    const measured = throughput === undefined ? [] : await measure(station, throughput);
    await station.close();
    const size = bytesMax === null ? '' : ` ${bytesMax} bytes get through.`;
    const isFine = transport === 'multicast' ? answered > 0 : channel.group === null && answered > 0;
    if (isFine) return [{ name, outcome: 'ok', message: `${reason}${size}` }, ...measured];
    const finding: NetworkFinding = {
      name,
      outcome: 'warn',
      message: `${reason}${size}`,
      fix: 'See that agents run on other nodes of the LAN, that switches pass multicast (IGMP), and that firewalls are open as said under ports.',
    };
    return [finding, ...measured];
  } finally {
    release();
  }
}

const agentRuns: NetworkFinding = {
  name: 'throughput',
  outcome: 'warn',
  message: 'Not measured: the agent runs, and this would speak in its name.',
  fix: 'Stop the agent for the time of the measurement (systemctl stop treecast-agent); what is live stays served by the web server.',
};

/** Where multicast does not work there is nothing to be measured. */
async function measure(
  station: SegmentStation,
  { bytesPerSecondMax, say }: NonNullable<NetworkQuestions['throughput']>,
): Promise<NetworkFinding[]> {
  const { interface: local, use, isJoined } = station.state();
  if (local === null || !use.isHeard || !isJoined) {
    const message = 'Not measured: no multicast goes out from this node to others (see others).';
    return [{ name: 'throughput', outcome: 'warn', message, fix: 'Mend that first.' }];
  }
  const { address, port } = burstGroup(local.address);
  say(throughputNotice(`to ${address} port ${port} on ${local.name}`, bytesPerSecondMax));
  try {
    return throughputFindings(await station.measure(bytesPerSecondMax));
  } catch (error) {
    const message = `${address} port ${port} on ${local.name}: ${error instanceof Error ? error.message : String(error)}.`;
    return [{ name: 'throughput', outcome: 'fail', message, fix: nameInterface }];
  }
}

function addressOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
}
