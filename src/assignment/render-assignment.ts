// The text of `treecast assignment inspect`: a description laid out for a terminal. Paths are quoted where they would confuse one.

import type { Command } from '../model/assignment.ts';
import { releaseName } from '../model/release.ts';
import type { AssignmentDescription } from './describe-assignment.ts';

export function renderAssignment(description: AssignmentDescription): string {
  const { header, commands, commandsOmitted } = description;
  const { data, part, space } = header;
  const rows: [string, string][] = [
    ['assignment', header.id],
    ['site', header.site],
    [
      'release',
      `${releaseName(header.release)} (epoch ${header.release.epoch}, sequence ${header.release.sequence})`,
    ],
    ['type', `${header.type}, command set ${header.profile}, format ${header.format}`],
    ['part', `${part.index} of ${part.of}`],
    ['base tree', header.baseTree],
    ['target tree', header.targetTree],
    ['created', new Date(header.createdAt * 1000).toISOString()],
    ['signature', description.signature],
    ['manifest', `${description.manifestBytes} bytes`],
    ['data', dataLine(description)],
    [
      'regions',
      `${data.sealedPayloadBytes} bytes sealed in ${data.sealedBlocks} blocks, ${data.plainPayloadBytes} bytes plain`,
    ],
    ['content key', header.key?.contentKeyId ?? 'none needed'],
    ['codecs', header.codecs.join(', ') || 'none'],
    [
      'space',
      `${space.inboxBytes} inbox + ${space.decodedBytes} decoded + ${space.temporaryBytes} temporary bytes, ${space.inodes} inodes`,
    ],
    [
      'commands',
      Object.entries(header.counts)
        .map(([kind, count]) => `${count} ${kind}`)
        .join(', ') || 'none',
    ],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(12)} ${value}`);
  if (commands.length > 0) lines.push('', ...commands.map(commandLine));
  if (commandsOmitted > 0) lines.push(`… and ${commandsOmitted} more`);
  return `${lines.join('\n')}\n`;
}

function dataLine({ header, blocks, data }: AssignmentDescription): string {
  const size = `${header.data.bytes} bytes in ${blocks} blocks`;
  if (data === 'absent') return `${size}, not checked`;
  if (data.corruptBlocks.length === 0) return `${size}, every block as signed`;
  return `${size}, NOT as signed: block ${data.corruptBlocks.join(', ')}`;
}

function commandLine(command: Command): string {
  const name = command.do.padEnd(8);
  switch (command.do) {
    case 'write':
      return `${name} ${quoted(command.path)}  ${command.mode} ${command.size} bytes, ${command.data.length} as ${command.data.codec}, ${command.data.cipher}`;
    case 'patch':
      return `${name} ${quoted(command.path)}  ${command.mode} ${command.size} bytes, ${command.data.length} as ${command.data.codec}, ${command.data.cipher}`;
    case 'copy':
      return `${name} ${quoted(command.path)}  from ${quoted(command.from)}, ${command.mode} ${command.size} bytes`;
    case 'symlink':
      return `${name} ${quoted(command.path)}  to ${quoted(command.target)}`;
    case 'mode':
      return `${name} ${quoted(command.path)}  ${command.mode}`;
    case 'verify':
      return `${name} ${quoted(command.path)}  ${command.blob}`;
    case 'plugin':
      return `${name} ${command.name}  ${JSON.stringify(command.parameters)}`;
    default:
      return `${name} ${quoted(command.path)}`;
  }
}

/** Anything that could move the cursor, or hide, is shown escaped. */
function quoted(path: string): string {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u.test(path) && !path.includes('"')
    ? path
    : JSON.stringify(path).replace(/[\p{C}\p{Z}]/gu, escaped);
}

function escaped(character: string): string {
  if (character === ' ') return character;
  return [...character].map((c) => `\\u{${(c.codePointAt(0) as number).toString(16)}}`).join('');
}
