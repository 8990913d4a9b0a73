// `treecast doctor network --throughput`: what the figures of a throughput test mean for deliveries by multicast, and what to do about it.

import { bytesText } from '../../model/bytes-text.ts';
import { bytesPerMbit } from '../../model/rate-limit.ts';
import {
  lossMax,
  medianLoss,
  slowShare,
  stepMs,
  stepShares,
  type ThroughputResult,
  type ThroughputStep,
} from '../../net/segment/throughput/throughput-test.ts';
import type { NetworkFinding } from './network-findings.ts';

const bufferBytesWanted = 8 * 1_048_576;
/** Of a delivery it costs little, and parity makes up for it. */
const lossFine = 0.01;
const namesMax = 8;

/** What a test will send, before it does. */
export function throughputNotice(where: string, bytesPerSecondMax: number): string {
  const bytes = stepShares.reduce((sum, share) => sum + share * bytesPerSecondMax * (stepMs / 1_000), 0);
  const seconds = (stepShares.length * stepMs) / 1_000;
  return `Sending bursts of rising rate by multicast ${where}: at most ${mbitText(bytesPerSecondMax)}, ${seconds} s and ${bytesText(bytes)} in all, less where the segment's limit is less or much is lost.`;
}

export function throughputFindings(result: ThroughputResult): NetworkFinding[] {
  return [rateFinding(result), bufferFinding(result), dropFinding(result)];
}

function rateFinding({ steps, nodes, datagramBytes, isLimited, own }: ThroughputResult): NetworkFinding {
  const name = 'throughput';
  const last = steps.at(-1);
  if (last === undefined || last.losses.length === 0) {
    return {
      name,
      outcome: 'warn',
      message:
        nodes.length === 0
          ? 'No other node answered, so nothing was sent.'
          : 'Nodes answered before the first burst, and not after it.',
      fix: 'See that agents of this version run on other nodes of the segment, and that firewalls between them pass UDP, the data channels’ port too.',
    };
  }
  if (own.sendErrors > 0) {
    return {
      name,
      outcome: 'warn',
      message: `${own.sendErrors} datagrams were refused by this machine’s own network.`,
      fix: 'Look at the interface (`ip -s link`) and at a firewall here.',
    };
  }
  const good = steps.findLast(({ losses }) => medianLoss(losses) <= lossFine);
  const size = `in datagrams of ${datagramBytes} bytes`;
  const limit = isLimited ? ' The segment’s limit was kept.' : '';
  const median = medianLoss(last.losses);
  if (median > lossFine) {
    const carries =
      good === undefined
        ? `Already at ${mbitText(last.bytesPerSecond)} ${percent(median)} is lost at half of the nodes`
        : `${mbitText(good.bytesPerSecond)} arrive; at ${mbitText(last.bytesPerSecond)} ${percent(median)} is lost at half of the nodes`;
    return {
      name,
      outcome: 'warn',
      message: `${carries}, ${size}: ${lossesText(last)}.${limit}`,
      fix: `Something on the way carries less multicast: a slow port, WLAN, storm control, or receivers that are too slow (see below). Mend it, or set the limit: treecast segment set-rate SEGMENT --mbit ${limitFor(good ?? last, good !== undefined)}.`,
    };
  }
  if (last.bytesPerSecond < slowShare * last.bytesPerSecondWanted) {
    return {
      name,
      outcome: 'warn',
      message: `This machine sent ${mbitText(last.bytesPerSecond)} where ${mbitText(last.bytesPerSecondWanted)} were wanted, ${size}; ${percent(median)} of it was lost.`,
      fix: 'As a leader it would be held up by itself: look at its load, or keep it from leading (`treecast segment exclude`).',
    };
  }
  const bad = last.losses.filter(({ loss }) => loss > lossMax);
  const carried = `Multicast carries ${mbitText(last.bytesPerSecond)} to ${last.losses.length} nodes that answered, ${size}`;
  if (bad.length > 0) {
    return {
      name,
      outcome: 'warn',
      message: `${carried}; single nodes lose more than the others: ${lossesText({ losses: bad })}.${limit}`,
      fix: 'Look at these nodes’ port, cable, WLAN and load. Until then they fetch by unicast what they miss.',
    };
  }
  const beyond = isLimited ? limit : ' More was not tried: --mbit.';
  return { name, outcome: 'ok', message: `${carried}; ${percent(median)} is lost.${beyond}` };
}

function bufferFinding({ own, nodes }: ThroughputResult): NetworkFinding {
  const name = 'buffers';
  const all = [{ node: 'this node', ...own }, ...nodes];
  const small = all.filter(({ receiveBufferBytes }) => receiveBufferBytes < bufferBytesWanted);
  if (small.length === 0)
    return { name, outcome: 'ok', message: `${all.length} nodes have receive buffers of 8 MiB.` };
  const list = named(small.map(({ node, receiveBufferBytes }) => `${node} ${bytesText(receiveBufferBytes)}`));
  return {
    name,
    outcome: 'warn',
    message: `Receive buffers are smaller than 8 MiB: ${list}.`,
    fix: `On these nodes: sysctl -w net.core.rmem_max=${bufferBytesWanted}, and the same as a file in /etc/sysctl.d.`,
  };
}

function dropFinding({ own, nodes }: ThroughputResult): NetworkFinding {
  const name = 'drops';
  const dropping = [{ node: 'this node', dropped: own.dropped.received + own.dropped.sent }, ...nodes].filter(
    ({ dropped }) => dropped > 0,
  );
  if (dropping.length === 0)
    return { name, outcome: 'ok', message: 'No machine dropped datagrams for want of room meanwhile.' };
  return {
    name,
    outcome: 'warn',
    message: `Dropped for want of room in a socket’s buffer: ${named(dropping.map(({ node, dropped }) => `${node} ${dropped}`))}.`,
    fix: 'Enlarge the buffers as said above; where they are large enough, the machine is too slow or too busy for that rate.',
  };
}

/** A little below what was seen to arrive. */
function limitFor({ bytesPerSecond }: ThroughputStep, isFine: boolean): string {
  const mbit = (bytesPerSecond / bytesPerMbit) * (isFine ? 0.9 : 0.5);
  return String(mbit >= 10 ? Math.floor(mbit) : Math.max(0.1, Math.floor(mbit * 10) / 10));
}

function lossesText({ losses }: Pick<ThroughputStep, 'losses'>): string {
  const sorted = [...losses].sort((a, b) => b.loss - a.loss);
  return named(sorted.map(({ node, loss }) => `${node} ${percent(loss)}`));
}

function named(texts: readonly string[]): string {
  const more = texts.length > namesMax ? ` and ${texts.length - namesMax} more` : '';
  return texts.slice(0, namesMax).join(', ') + more;
}

function percent(share: number): string {
  const value = share * 100;
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} %`;
}

function mbitText(bytesPerSecond: number): string {
  const mbit = bytesPerSecond / bytesPerMbit;
  return `${mbit >= 10 ? Math.round(mbit) : Math.round(mbit * 10) / 10} Mbit/s`;
}
