// What the commands of an assignment take on a node's file system (R2.6), counted in 4 KiB blocks. The inbox is the encoder's to add.

import { diskBytes } from '../assignment/manifest-encoder.ts';
import type { SpaceRequired } from '../model/assignment.ts';
import type { PlannedCommand } from './planned-command.ts';

export interface SpaceCount {
  add(command: PlannedCommand): void;
  /** `temporaryBytes`: the largest file once more, as its temporary may stand beside the file that it replaces. */
  required(): Omit<SpaceRequired, 'inboxBytes'>;
}

export function createSpaceCount(): SpaceCount {
  let decodedBytes = 0;
  let temporaryBytes = 0;
  let inodes = 0;
  return {
    add(command) {
      if (command.do === 'remove' || command.do === 'rmdir' || command.do === 'plugin') return;
      inodes++;
      if (!('size' in command)) return;
      const bytes = diskBytes(command.size);
      decodedBytes += bytes;
      temporaryBytes = Math.max(temporaryBytes, bytes);
    },
    required: () => ({ decodedBytes, temporaryBytes, inodes }),
  };
}
