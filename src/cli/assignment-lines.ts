// An assignment as lines for people: the header, then every command.

import type { AssignmentDescription } from '../assignment/describe-assignment.ts';
import type { Command, Payload } from '../model/assignment.ts';
import { releaseName } from '../model/release.ts';
import { printable } from './printable.ts';
import { fieldLines } from './resource-lines.ts';
import { bytesText, countText } from './text.ts';

export function assignmentLines(description: AssignmentDescription): string[] {
  const { header } = description;
  const { space } = header;
  const lines = fieldLines([
    ['assignment', header.id],
    ['format', `${header.format}, profile ${header.profile}`],
    ['site', `${header.site}, ${header.type}`],
    ['release', `${releaseName(header.release)}, part ${header.part.index} of ${header.part.of}`],
    ['base tree', header.baseTree],
    ['target tree', header.targetTree],
    ['created', new Date(header.createdAt * 1000).toISOString()],
    ['signature', description.signature],
    ['size', `manifest ${bytesText(description.manifestBytes)}, data ${bytesText(header.data.bytes)}`],
    [
      'blocks',
      `${description.blocks}, ${header.data.sealedBlocks} of them sealed; ${blocksText(description)}`,
    ],
    [
      'space',
      `inbox ${bytesText(space.inboxBytes)}, files ${bytesText(space.decodedBytes)}, temporary ${bytesText(space.temporaryBytes)}, ${countText(space.inodes, 'inode')}`,
    ],
    ['codecs', header.codecs.join(', ') || 'none'],
    ['ciphers', header.ciphers.join(', ') || 'none'],
    [
      'commands',
      Object.entries(header.counts)
        .map(([kind, count]) => `${count} ${kind}`)
        .join(', ') || 'none',
    ],
  ]);
  return [...lines, '', ...description.commands.map(commandLine)];
}

function blocksText({ data }: AssignmentDescription): string {
  if (data === 'absent') return 'not checked (give --data)';
  return data.corruptBlocks.length === 0
    ? 'all as signed'
    : `missing or corrupt: ${data.corruptBlocks.slice(0, 20).join(', ')}`;
}

function commandLine(command: Command): string {
  const name = command.do.padEnd(8);
  switch (command.do) {
    case 'mkdir':
    case 'rmdir':
    case 'remove':
      return `${name} ${printable(command.path)}`;
    case 'write':
      return `${name} ${printable(command.path)}  ${command.mode}  ${bytesText(command.size)}  ${payloadText(command.data)}`;
    case 'patch':
      return `${name} ${printable(command.path)}  ${command.mode}  ${bytesText(command.size)}  ${payloadText(command.data)}  from ${printable(command.from)}`;
    case 'copy':
      return `${name} ${printable(command.path)}  ${command.mode}  from ${printable(command.from)}`;
    case 'symlink':
      return `${name} ${printable(command.path)} -> ${printable(command.target)}`;
    case 'mode':
      return `${name} ${printable(command.path)}  ${command.mode}`;
    case 'verify':
      return `${name} ${printable(command.path)}  ${command.blob}`;
    case 'plugin':
      return `${name} ${printable(command.name)}  ${printable(JSON.stringify(command.parameters))}`;
  }
}

function payloadText({ length, codec, cipher }: Payload): string {
  return `${codec}${cipher === 'none' ? '' : `, ${cipher}`}  ${bytesText(length)}`;
}
