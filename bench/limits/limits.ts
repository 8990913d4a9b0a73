// Whether a limit of the rate is what goes over real sockets (X19, N46): the CCM's assignment port with an uplink limit, also one of this hour, and a
// fetcher with a limit of its own; several transfers at once, and how equally they share it. What is counted is what arrives, over TLS.

import { truncateSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runGateway } from '../../src/ccm/gateway/testing/running-gateway.ts';
import { bytesPerMbit, type RateLimit } from '../../src/model/rate-limit.ts';
import { steadyClock } from '../../src/net/clock.ts';
import { createRangeClient } from '../../src/net/fetch/range-client.ts';
import { createPacer } from '../../src/net/rate/pacer.ts';
import type { NodeCredentials } from '../../src/net/testing/node-credentials.ts';
import { issueTicket } from '../../src/net/tickets/ticket.ts';
import { ccmConnectionOptions } from '../../src/net/tls/tls-settings.ts';
import type { Bench } from '../bench.ts';
import { rounded } from '../push-to-live/figures.ts';

const id = 'a'.repeat(64);
const fileBytes = 2 ** 31;
const blockBytes = 131_072;
/** What is saved and buffered at the begin is not what is asked for: of who fetches, a piece of 64 KiB for each of two requests. */
const settleMs = 500;
const firstBytes = 2 * 65_536;
const errorMax = 0.05;

type Who = 'sender' | 'hour' | 'fetcher';

export const limits: Bench = {
  name: 'limits',
  summary: 'how far what arrives is from the limit of its sender, of its fetcher, and of the hour',
  usage: '[--mbit 2,20,200] [--transfers 1,4] [--seconds 3]',
  options: {
    mbit: { type: 'string', default: '2,20,200' },
    transfers: { type: 'string', default: '1,4' },
    seconds: { type: 'string', default: '3' },
  },
  async run({ values, report }) {
    const numbers = (name: string): number[] => String(values[name]).split(',').map(Number);
    const [rates, counts, [seconds = 0]] = [numbers('mbit'), numbers('transfers'), numbers('seconds')];
    if (![...rates, ...counts, seconds].every((value) => value > 0 && value <= 10_000)) {
      process.stderr.write('--mbit, --transfers and --seconds are numbers from 1 to 10000\n');
      return 2;
    }
    let isRight = true;
    for (const who of ['sender', 'hour', 'fetcher'] as const) {
      for (const mbit of rates) {
        for (const transfers of counts) {
          const arrived = await measure(who, mbit, transfers, seconds);
          const sum = arrived.reduce((total, bytes) => total + bytes, 0);
          const error = sum / (mbit * bytesPerMbit * seconds) - 1;
          isRight &&= Math.abs(error) < errorMax;
          report({
            bench: 'limits',
            limit_of: who,
            mbit,
            transfers,
            seconds,
            arrived_mbit: rounded(sum / seconds / bytesPerMbit),
            error_percent: rounded(error * 100),
            least_share: rounded((Math.min(...arrived) * transfers) / sum),
          });
        }
      }
    }
    return isRight ? 0 : 1;
  },
};

/** Bytes of each transfer in that time. */
async function measure(who: Who, mbit: number, transfers: number, seconds: number): Promise<number[]> {
  const ends: (() => unknown)[] = [];
  try {
    const limit = who === 'hour' ? ofThisHour(mbit) : { mbit, hours: [] };
    const running = await runGateway(
      { after: (end: () => unknown) => void ends.push(end) },
      { uplink: who === 'fetcher' ? null : limit },
    );
    const node = await running.addNode('web-1');
    const paths = {
      manifestPath: join(running.directory, 'manifest'),
      dataPath: join(running.directory, 'data'),
    };
    for (const path of Object.values(paths)) writeFileSync(path, '');
    truncateSync(paths.dataPath, fileBytes);
    running.assignments.set(id, paths);
    const facts = { job: 'j-1', assignment: id, fetcher: 'web-1', expiresAt: Date.now() + 3_600_000 };
    const source: Source = {
      url: `${running.url}/assignments/${id}/data`,
      ticket: issueTicket(facts, running.releaseKey),
      tls: { identity: node.identity, ca: running.certificates.certificate },
      stop: new AbortController(),
    };
    const arrived = who === 'fetcher' ? fetchPaced(source, limit, transfers) : fetchAll(source, transfers);
    await pause(
      settleMs + (who === 'fetcher' ? (1_000 * transfers * firstBytes) / (mbit * bytesPerMbit) : 0),
    );
    const before = [...arrived];
    const startedAt = performance.now();
    await pause(seconds * 1_000);
    const now = [...arrived];
    const tookS = (performance.now() - startedAt) / 1_000;
    source.stop.abort();
    return now.map((bytes, index) => ((bytes - (before[index] ?? 0)) * seconds) / tookS);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

interface Source {
  readonly url: string;
  readonly ticket: string;
  readonly tls: { readonly identity: NodeCredentials['identity']; readonly ca: string };
  readonly stop: AbortController;
}

function fetchAll({ url, ticket, tls, stop }: Source, transfers: number): number[] {
  const arrived = Array.from({ length: transfers }, () => 0);
  for (const index of arrived.keys()) {
    const request = get(url, {
      ...ccmConnectionOptions(tls),
      agent: false,
      headers: { authorization: `Ticket ${ticket}` },
      signal: stop.signal,
    });
    request.on('error', () => undefined);
    request.on('response', (response) => {
      response.on('error', () => undefined);
      response.on('data', (chunk: Buffer) => {
        arrived[index] = (arrived[index] ?? 0) + chunk.length;
      });
    });
  }
  return arrived;
}

function fetchPaced({ url, ticket, tls, stop }: Source, all: RateLimit, transfers: number): number[] {
  const arrived = Array.from({ length: transfers }, () => 0);
  const pacer = createPacer({ clock: steadyClock, wallNow: Date.now, limits: { all, sites: {} } });
  const blocks = Array.from({ length: fileBytes / blockBytes }, (_, index) => index);
  for (const index of arrived.keys()) {
    const client = createRangeClient({ credentials: () => tls, clock: steadyClock, random: () => 0.5 });
    const within = pacer.begin(null);
    // What arrives counts when it has arrived, and not when it was let through.
    const pace = (bytes: number): Promise<void> | undefined => {
      arrived[index] = (arrived[index] ?? 0) + bytes;
      return within(bytes);
    };
    const rangeOf = (block: number) => ({ offset: block * blockBytes, length: blockBytes });
    client
      .fetchBlocks(
        { url, ticket, bytes: fileBytes, rangeOf, pace },
        blocks,
        async () => undefined,
        stop.signal,
      )
      .catch(() => undefined)
      .finally(client.close);
  }
  stop.signal.addEventListener('abort', pacer.close);
  return arrived;
}

/** The day's figure is another one. */
function ofThisHour(mbit: number): RateLimit {
  const at = (minutes: number): string => {
    const time = new Date(Date.now() + minutes * 60_000);
    return [time.getHours(), time.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
  };
  return { mbit: 0.5, hours: [{ from: at(-5), to: at(5), mbit }] };
}
