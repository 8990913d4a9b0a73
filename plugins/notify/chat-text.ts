// A job as one chat message, in Slack's markup. What comes from outside is escaped: it can make no link and call nobody.

import type { NotifyEvent } from 'treecast/plugin';
import { filledUrl, shortLine } from './fill-in.ts';

const signs: Readonly<Record<NotifyEvent['phase'], string>> = {
  started: '⏳',
  live: '✅',
  failed: '❌',
  superseded: '⏭️',
  aborted: '⏹️',
};
const sectionCharactersMax = 3000;
const namedNodesMax = 10;

export interface ChatText {
  /** For notifications and clients without blocks. */
  readonly text: string;
  readonly blocks: readonly unknown[];
}

export function chatText(event: NotifyEvent, targetUrl: string | undefined): ChatText {
  const { phase, site, type, release, commit, requestedBy, nodes, text, durationMs } = event;
  const part = (value: string, lengthMax: number): string => escaped(shortLine(value, lengthMax));
  const head = `${signs[phase]} *${part(site, 100)}*: ${type} ${release === null ? '' : `${part(release, 60)} `}${phase}`;
  const more = targetUrl === undefined ? '' : ` <${escaped(filledUrl(targetUrl, event))}|Details>`;
  const facts = [
    `by ${part(requestedBy, 100)}`,
    ...(commit === null ? [] : [`commit ${part(commit, 12)}`]),
    `${nodes.live} of ${nodes.total} nodes live`,
    ...(durationMs === null ? [] : [`${(durationMs / 1000).toFixed(1)} s`]),
  ].join(' · ');
  const failed = nodes.failed.slice(0, namedNodesMax).map((node) => part(node, 60));
  const rest = nodes.failed.length - failed.length;
  const lines = [
    head + more,
    ...(text.trim() === '' ? [] : [part(text, 300)]),
    ...(failed.length === 0 ? [] : [`Failed: ${failed.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`]),
  ];
  const section = lines.join('\n');
  return {
    text: `${section}\n${facts}`,
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: section.slice(0, sectionCharactersMax) } },
      { type: 'context', elements: [{ type: 'mrkdwn', text: facts }] },
    ],
  };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
