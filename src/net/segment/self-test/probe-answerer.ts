// CHAN-16: answers probes: each series once, a little after its begin, to the prober and to the group, with what of it was heard.

import { hash } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { DriverMessage } from '../wire/segment-message.ts';
import type { Probe } from './probe-series.ts';

export type ProbeAnswer = Extract<DriverMessage, { readonly type: 'probe-answer' }>;

export interface ProbeAnswerer {
  /** Whether this node is one of those that answer it. */
  isChosen(probe: Probe): boolean;
  hear(from: string, probe: Probe, toGroup: boolean): void;
  close(): void;
}

interface Series {
  heardByGroup: number;
  heardAlone: number;
  readonly cancel: () => void;
}

/** A series is half as long. */
const answerAfterMs = 200;
const seriesMax = 256;

export function createProbeAnswerer(options: {
  readonly node: string;
  readonly clock: Clock;
  readonly answer: (to: string, answer: ProbeAnswer) => void;
}): ProbeAnswerer {
  const { node, clock } = options;
  /** By prober and nonce, the oldest first. */
  const heard = new Map<string, Series>();

  function begin(from: string, nonce: string): Series {
    const key = `${from} ${nonce}`;
    const series: Series = {
      heardByGroup: 0,
      heardAlone: 0,
      cancel: clock.after(answerAfterMs, () => answer(from, nonce)),
    };
    heard.set(key, series);
    const [oldest] = heard;
    if (heard.size > seriesMax && oldest !== undefined) {
      oldest[1].cancel();
      heard.delete(oldest[0]);
    }
    return series;
  }

  function answer(from: string, nonce: string): void {
    const series = heard.get(`${from} ${nonce}`);
    if (series === undefined) return;
    const { heardByGroup, heardAlone } = series;
    options.answer(from, { type: 'probe-answer', nonce, heardByGroup, heardAlone });
  }

  return {
    isChosen: ({ nonce, oneIn }) => isChosen(node, nonce, oneIn),
    hear(from, { nonce, sequence, oneIn }, toGroup) {
      if (toGroup && !isChosen(node, nonce, oneIn) && !heard.has(`${from} ${nonce}`)) return;
      const series = heard.get(`${from} ${nonce}`) ?? begin(from, nonce);
      if (toGroup) series.heardByGroup |= 1 << sequence;
      else series.heardAlone |= 1 << sequence;
      series.heardByGroup >>>= 0;
      series.heardAlone >>>= 0;
    },
    close() {
      for (const { cancel } of heard.values()) cancel();
      heard.clear();
    },
  };
}

/** Of many, one in so many answers: other ones each time. */
export function isChosen(node: string, nonce: string, oneIn: number): boolean {
  return Number.parseInt(hash('sha256', `${node} ${nonce}`).slice(0, 8), 16) % oneIn === 0;
}
