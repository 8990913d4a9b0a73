// Plays a story of a session: a file of commands, each followed by what happened meanwhile, which is written anew with WRITE_TRANSCRIPTS=1.

import { decodeFrameSet, type MctpFrame, type MctpStatus } from '../mctp-messages.ts';
import { createMctpLab, type Lab, type LabEvent } from './mctp-lab.ts';

const frameCounts = (block: number): number => (block === 0 ? 1 : 15);

/** Commands up to a line `----`, then what happened up to an empty line; lines with `#` are for readers. */
export function runTranscript(text: string): string {
  const out: string[] = [];
  let lab: Lab | undefined;
  let told = 0;
  let isOutput = false;
  for (const line of text.split('\n')) {
    if (line === '----') {
      isOutput = true;
      out.push(line);
      out.push(...(lab === undefined ? [] : describe(lab.events.slice(told))));
      told = lab?.events.length ?? 0;
    } else if (line === '') {
      isOutput = false;
      out.push(line);
    } else if (!isOutput) {
      out.push(line);
      if (!line.startsWith('#')) lab = command(lab, line.split(' '));
    }
  }
  return out.join('\n');
}

function command(lab: Lab | undefined, [verb = '', ...words]: string[]): Lab {
  const [first = '', second = ''] = words;
  if (verb === 'session') {
    const made = createMctpLab({
      repair: first === 'arq' ? 'arq' : 'fec',
      blocks: Number(second),
      quorum: 0.6,
    });
    made.available(0, 1 + Number(second));
    return made;
  }
  if (lab === undefined) throw new Error('a story begins with `session`');
  if (verb === 'join') for (const node of words) lab.join(node);
  else if (verb === 'holds') lab.join(first, 'nothing');
  else if (verb === 'lose') lab.lose(first, second === 'all' ? 'all' : words.slice(1).map(Number));
  else if (verb === 'forge') lab.forge(first, Number(second));
  else if (verb === 'crash') lab.crash(first);
  else if (verb === 'run') lab.run(Number(first));
  else throw new Error(`there is no command ${verb}`);
  return lab;
}

/** What several nodes do alike at one time is one line; so are frames of one block in a row. */
function describe(events: readonly LabEvent[]): string[] {
  const lines: { at: number; who: string[]; what: string }[] = [];
  let frames: MctpFrame[] = [];
  let framesAt = 0;
  const flush = (): void => {
    for (const text of runTexts(frames)) lines.push({ at: framesAt, who: ['leader'], what: text });
    frames = [];
  };
  for (const { at, who, what } of events) {
    if ('frames' in what) {
      if (frames.length === 0) framesAt = at;
      frames.push(...what.frames);
      continue;
    }
    flush();
    const text = textOf(what);
    const last = lines.findLast((line) => line.at === at && line.what === text);
    if (last === undefined) lines.push({ at, who: [who], what: text });
    else last.who.push(who);
  }
  flush();
  return lines.map(({ at, who, what }) => `${String(at).padStart(6)} ${who.join(' ')} ${what}`);
}

function runTexts(frames: readonly MctpFrame[]): string[] {
  const runs: { block: number; pass: number; sequences: number[]; from: number; to: number }[] = [];
  for (const { block, pass, sequence, number } of frames) {
    const last = runs.at(-1);
    if (last?.block === block && last.pass === pass) {
      last.sequences.push(sequence);
      last.to = number;
    } else runs.push({ block, pass, sequences: [sequence], from: number, to: number });
  }
  return runs.map(({ block, pass, sequences, from, to }) => {
    const numbers = from === to ? `frame ${from}` : `frames ${from} to ${to}`;
    return `sends ${numbers}: block ${block}, pass ${pass}, ${framesText(block, sequences)}`;
  });
}

function textOf(what: Exclude<LabEvent['what'], { frames: unknown }>): string {
  if ('says' in what) return statusText(what.says);
  if ('sends' in what) {
    const { sends: message, to } = what;
    if (message.type === 'status-request')
      return `asks ${to}, request ${message.round}: ${JSON.stringify(message.asked)}`;
    if (message.type === 'fetch') return `tells ${to} to fetch ${JSON.stringify(message.blocks)}`;
    return `tells ${to} that the session is over`;
  }
  const { fact, ...more } = what.fact;
  return `· ${fact}${Object.keys(more).length === 0 ? '' : ` ${JSON.stringify(more)}`}`;
}

function framesText(block: number, sequences: readonly number[]): string {
  const frames = frameCounts(block);
  const data = sequences.filter((sequence) => sequence < frames);
  const parity = sequences.length - data.length;
  const named = data.length > 3 ? `${data[0]} to ${data.at(-1)}` : data.join(' ');
  return [data.length > 0 ? `data ${named}` : '', parity > 0 ? `parity ${parity}` : '']
    .filter(Boolean)
    .join(', ');
}

function statusText({ state, reason, round, asOf, missing, absent, forged }: MctpStatus): string {
  const parts = missing.map(({ block, lacks, frames }) => {
    const named = frames === null ? undefined : decodeFrameSet(frames, frameCounts(block));
    return `block ${block} lacks ${lacks}${named === undefined ? '' : ` (${named.join(' ')})`}`;
  });
  parts.push(...absent.map(({ from, to }) => `nothing of ${from} to ${to - 1}`));
  parts.push(...forged.map((block) => `block ${block} is forged`));
  const answer = round === 0 ? '' : ` to request ${round}`;
  const what =
    state === 'receiving' ? parts.join('; ') || 'waits' : `${state}${reason === '' ? '' : ` ${reason}`}`;
  return `says${answer} as of frame ${asOf}: ${what}`;
}
