// A segment's deliveries by multicast as lines for people: those that run, and the last that ended.

import { bytesPerMbit } from '../model/rate-limit.ts';
import type { MulticastSessionResource } from '../model/segment-resources.ts';
import { printable } from './printable.ts';
import { tableLines } from './table.ts';
import { bytesText, durationText, nothing, timeText } from './text.ts';

const endedShown = 5;

/** A CCM of before multicast says nothing. */
export function multicastLines(sessions: readonly MulticastSessionResource[] = []): string[] {
  const shown = [
    ...sessions.filter(({ isRunning }) => isRunning),
    ...sessions.filter(({ isRunning }) => !isRunning).slice(0, endedShown),
  ];
  if (shown.length === 0) return [];
  const table = tableLines(
    ['MULTICAST', 'SINCE', 'TOOK', 'COMPLETE', 'SENT', 'MBIT/S', 'LIMIT', 'LOSS', 'REPAIR', 'CHANNEL'],
    shown.map((session) => [
      `${session.site}${session.isRunning ? ', running' : ''}`,
      timeText(session.startedAt),
      tookText(session),
      `${session.receivers.complete} of ${receiversOf(session)}`,
      bytesText(session.sentBytes),
      mbitText(session.bytesPerSecond),
      session.bytesPerSecondMax === null ? nothing : mbitText(session.bytesPerSecondMax),
      percentText(session.loss),
      `${percentText(session.repairShare)} ${session.repair}`,
      `${session.group.includes(':') ? `[${session.group}]` : session.group}:${session.port}`,
    ]),
  );
  return ['', ...table, ...shown.flatMap(troubleLines)];
}

function troubleLines({ site, problem, incomplete, isRunning }: MulticastSessionResource): string[] {
  const nodes = incomplete.filter(({ why }) => why !== null || !isRunning);
  return [
    ...(problem === null ? [] : [printable(`${site}: ${problem}`)]),
    ...nodes.map(({ node, state, loss, why }) =>
      printable(`${site}: ${node} ${state}, loss ${percentText(loss)}${why === null ? '' : `: ${why}`}`),
    ),
  ];
}

function receiversOf({ receivers }: MulticastSessionResource): number {
  return Object.values(receivers).reduce((sum, count) => sum + count, 0);
}

function tookText({ tookMs }: MulticastSessionResource): string {
  return durationText(new Date(0).toISOString(), new Date(tookMs).toISOString());
}

/** A rate in Mbit/s. */
export function mbitText(bytesPerSecond: number): string {
  const mbit = bytesPerSecond / bytesPerMbit;
  return mbit >= 100 ? String(Math.round(mbit)) : String(Math.round(mbit * 10) / 10);
}

function percentText(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}
