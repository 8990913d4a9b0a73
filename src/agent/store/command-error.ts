// Names the command that failed, keeps the code where there is one, and tells a full disk from everything else.

import type { Command } from '../../model/assignment.ts';
import { TreecastError } from '../../model/treecast-error.ts';

export function commandError(command: Command, index: number, cause: unknown): TreecastError {
  const subject = command.do === 'plugin' ? command.name : command.path;
  const where = `command ${index + 1} (${command.do} ${subject})`;
  const data = { command: index + 1, do: command.do, subject };
  if (cause instanceof TreecastError) {
    return new TreecastError(cause.code, `${where}: ${cause.message}`, {
      cause,
      ...(cause.fix === undefined ? {} : { fix: cause.fix }),
      data: { ...cause.data, ...data },
    });
  }
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TreecastError('SPACE_INSUFFICIENT', `${where}: the disk is full`, {
      cause,
      fix: 'Free space on the node, then publish again.',
      data,
    });
  }
  return new TreecastError('STAGE_FAILED', `${where}: ${message}`, {
    cause,
    fix:
      code === 'EACCES' || code === 'EPERM'
        ? 'Give the agent’s user write access to the site’s directory.'
        : 'The node’s tree was changed from outside, or its disk fails: run `treecast verify`, then publish again.',
    data: { ...data, ...(code === undefined ? {} : { errno: code }) },
  });
}
