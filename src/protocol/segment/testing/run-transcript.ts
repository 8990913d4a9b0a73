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
//   registration          from now on requests, lists, questions, reports and moves are told too; before, elections alone
//   leave NODE            it says goodbye and stops
//   maintenance NODE      it offers to take part no longer
//   ask NODE              the operator wants a report of this leader
//   move NODE             the operator wants the segment on another control channel

import type { Destination } from '../../machine.ts';
import type { MemberEffect } from '../segment-member.ts';
import { candidateOf, createSegmentLan, type SegmentLan, selfOf } from './segment-lan.ts';

export function runTranscript(text: string): string {
  const log = createLog();
  let segment: SegmentLan | undefined;
  const blocks = text.trim().split(/\n\n(?=\S)/);
  const played = blocks.map((block) => {
    const commands = block.split('\n----')[0] ?? '';
    if (!block.includes('\n----')) return block;
    for (const command of commands.split('\n').filter((line) => !line.startsWith('#'))) {
      if (command === 'quiet') log.quiet();
      else if (command === 'registration') log.showRegistration();
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
    leave: () => lan.input(node, { input: 'stop' }),
    maintenance() {
      const self = selfOf(nodes.indexOf(node));
      lan.input(node, { input: 'self', self: { ...self, offer: { ...self.offer, maintenance: true } } });
    },
    ask: () => lan.input(node, { input: 'report', why: 'operator' }),
    move() {
      const channel = { transport: 'multicast', group: '239.1.2.3', port: 9000 } as const;
      lan.input(node, { input: 'move', to: { segment: '5e'.repeat(16), channel } });
    },
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

/** What registration says and tells; undefined: something else, or a `here`, which would fill the log. */
function registrationLine(effect: MemberEffect): string | undefined {
  if (effect.effect === 'send') {
    const { message, to } = effect;
    const whom = 'node' in to ? ` to ${to.node}` : '';
    if (message.type === 'register') return `asks ${message.leader} to register it`;
    if (message.type === 'member-list') return `says list ${message.list}${whom}: ${online(message.members)}`;
    if (message.type === 'solicit')
      return message.nodes.length === 0
        ? 'asks all who is there'
        : `asks ${message.nodes.join(' ')} whether it is there`;
  } else if (effect.effect === 'deliver') {
    const { fact } = effect;
    if (fact.fact === 'registered') return fact.registered ? 'is registered' : 'is registered no longer';
    if (fact.fact === 'segment-report')
      return `reports to the CCM (${fact.report.triggers.join(', ')}): ${online(fact.report.members)}`;
    if (fact.fact === 'move') return `goes to ${fact.to.channel.group}:${fact.to.channel.port}`;
  }
  return undefined;
}

function online(members: readonly { readonly node: string; readonly online: boolean }[]): string {
  return members.map((member) => (member.online ? member.node : `${member.node} (offline)`)).join(', ');
}

interface Log {
  effect(at: number, node: string, effect: MemberEffect): void;
  line(at: number, node: string, text: string): void;
  quiet(): void;
  showRegistration(): void;
  /** What was logged since, the same words of several nodes in one millisecond as one line. */
  take(): string[];
}

function createLog(): Log {
  let lines = new Map<string, { at: number; nodes: string[]; text: string }>();
  /** Of an LA only the first of a leader and term is news. */
  const told = new Set<string>();
  let isQuiet = false;
  let showsRegistration = false;

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
    showRegistration() {
      showsRegistration = true;
    },
    effect(at, node, effect) {
      const registration = showsRegistration ? registrationLine(effect) : undefined;
      if (registration !== undefined) line(at, node, registration);
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
