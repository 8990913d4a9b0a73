// Runs a transcript: a text of commands, each followed by `----` and the log of what the segment did. Answers the same text with the log as it
// is now. Every message takes 1 ms, in a slow network 50, and chance always says a half, so that the same commands give the same log.
//
//   nodes 5 [equal|slow]  as many nodes start, web-1 the strongest
//   run MS                time passes
//   kill | start | pause | resume | resign NODE
//   deafen | mute NODE    it hears nobody; nobody hears it
//   part NODE… | NODE…    those on one side do not hear those on the other
//   cut NODE > NODE       the second does not hear the first
//   heal                  all hear each other
//   accept NODE           the CCM tells every leader that it accepts this one
//   others N              the CCM tells every node how many others are up
//   states                each node's state
//   quiet                 from now on LCs that only repeat one are left out

import type { Destination } from '../../machine.ts';
import type { MemberEffect } from '../segment-member.ts';
import { candidateOf, createSegmentLan, type SegmentLan } from './segment-lan.ts';

export function runTranscript(text: string): string {
  const log = createLog();
  let segment: SegmentLan | undefined;
  const blocks = text.trim().split(/\n\n(?=\S)/);
  const played = blocks.map((block) => {
    const commands = block.split('\n----')[0] ?? '';
    if (!block.includes('\n----')) return block;
    for (const command of commands.split('\n').filter((line) => !line.startsWith('#'))) {
      if (command === 'quiet') log.quiet();
      else if (command.startsWith('nodes ')) segment = startNodes(command, log);
      else if (segment === undefined) throw new Error(`no nodes before: ${command}`);
      else carryOut(command, segment, log);
    }
    return [commands, '----', ...log.take()].join('\n');
  });
  return `${played.join('\n\n')}\n`;
}

function startNodes(command: string, log: Log): SegmentLan {
  const [, count, kind] = command.split(' ');
  const members = Number(count);
  const segment: SegmentLan = createSegmentLan({
    ...{ members, delayMs: kind === 'slow' ? 50 : 1, options: { random: () => 0.5 } },
    candidate: (index) => candidateOf(kind === 'equal' ? 0.5 : 1 - index / members),
    onEffect: (node, effect) => log.effect(segment?.lan.now ?? 0, node, effect),
  });
  return segment;
}

function carryOut(command: string, { lan, nodes, start, status }: SegmentLan, log: Log): void {
  const [verb = '', ...words] = command.split(' ');
  const [node = ''] = words;
  const others = nodes.filter((other) => other !== node);
  const cutAll = (from: readonly string[], to: readonly string[]): void => {
    for (const one of from) for (const other of to) lan.cut(one, other);
  };
  const verbs: Record<string, () => void> = {
    run: () => lan.run(Number(node)),
    kill: () => lan.crash(node),
    start: () => start(node),
    pause: () => lan.pause(node),
    resume: () => lan.resume(node),
    resign: () => lan.input(node, { input: 'resign' }),
    deafen: () => cutAll(others, [node]),
    mute: () => cutAll([node], others),
    part() {
      const [here, there] = words.join(' ').split(' | ');
      cutAll(here?.split(' ') ?? [], there?.split(' ') ?? []);
      cutAll(there?.split(' ') ?? [], here?.split(' ') ?? []);
    },
    cut: () => lan.cut(node, words[2] ?? ''),
    heal: () => lan.heal(),
    accept() {
      for (const each of nodes)
        if (status(each).leader === each) lan.input(each, { input: 'verdict', accepted: node });
    },
    others() {
      for (const each of nodes) lan.input(each, { input: 'peers', others: Number(node) });
    },
    states() {
      for (const each of nodes) log.line(lan.now, each, lan.isUp(each) ? stateLine(status(each)) : 'is down');
    },
  };
  const run = verbs[verb];
  if (run === undefined) throw new Error(`no such command: ${command}`);
  run();
}

function stateLine({ state, leader, term }: ReturnType<SegmentLan['status']>): string {
  return `is ${state}${state === 'known' ? ` ${leader}` : ''} in term ${term}`;
}

interface Log {
  effect(at: number, node: string, effect: MemberEffect): void;
  line(at: number, node: string, text: string): void;
  quiet(): void;
  /** What was logged since, the same words of several nodes in one millisecond as one line. */
  take(): string[];
}

function createLog(): Log {
  let lines = new Map<string, { at: number; nodes: string[]; text: string }>();
  /** Of an LA only the first of a leader and term is news. */
  const told = new Set<string>();
  let isQuiet = false;

  function line(at: number, node: string, text: string): void {
    const key = `${Math.round(at)} ${text}`;
    const found = lines.get(key);
    if (found?.nodes.includes(node) === false) found.nodes.push(node);
    else if (found === undefined) lines.set(key, { at: Math.round(at), nodes: [node], text });
  }

  function said(at: number, node: string, to: Destination, message: { type: string; term?: number }): void {
    const whom = 'node' in to ? ` to ${to.node}` : '';
    const priority = 'priority' in message ? `, priority ${message.priority}` : '';
    const words: Record<string, string> = {
      'leader-claim': 'LC',
      'leader-alive': 'LA',
      concede: 'concede',
      'newer-term': 'newer-term',
      resign: 'resign',
      leave: 'leave',
    };
    const word = words[message.type];
    if (word === undefined) return;
    const key = `${node} ${word} ${message.term}`;
    if (told.has(key) && (word === 'LA' || (word === 'LC' && isQuiet))) return;
    told.add(key);
    line(at, node, `says ${word}${whom}: term ${message.term}${priority}`);
  }

  return {
    line,
    quiet() {
      isQuiet = true;
    },
    effect(at, node, effect) {
      if (effect.effect === 'send') said(at, node, effect.to, effect.message);
      else if (effect.effect === 'persist') {
        line(at, node, `writes down: term ${effect.state.term}, for ${effect.state.vote}`);
        for (const { to, message } of effect.thenSend) said(at, node, to, message);
      } else if (effect.effect === 'log') {
        if (['leader lost', 'pause noticed'].includes(effect.event)) line(at, node, `notes: ${effect.event}`);
      } else if (effect.fact.fact === 'leader') {
        const { leader, term, self } = effect.fact;
        line(
          at,
          node,
          leader === null
            ? 'has no leader'
            : self
              ? `LEADS in term ${term}`
              : `follows ${leader} in term ${term}`,
        );
      } else if (effect.fact.fact === 'deaf' || effect.fact.fact === 'unheard')
        line(at, node, `finds itself ${effect.fact.fact}`);
    },
    take() {
      const taken = [...lines.values()].map(
        ({ at, nodes, text }) => `${String(at).padStart(6)} ${nodes.join(' ')} ${text}`,
      );
      lines = new Map();
      return taken;
    },
  };
}
