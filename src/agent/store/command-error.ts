// Names the command that failed and keeps the code where there is one. What a full or failing disk means is space.ts's.

import type { Command } from '../../model/assignment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { diskTroubleOf } from '../../net/disk-trouble.ts';

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
  if (diskTroubleOf(cause)) return new TreecastError('STAGE_FAILED', where, { cause, data });
  const { code, message } = cause as NodeJS.ErrnoException;
  return new TreecastError('STAGE_FAILED', `${where}: ${message}`, {
    cause,
    fix:
      code === 'EACCES' || code === 'EPERM'
        ? 'Give the agent’s user write access to the site’s directory.'
        : 'The node’s tree was changed from outside, or its disk fails: run `treecast verify`, then publish again.',
    data: { ...data, ...(code === undefined ? {} : { errno: code }) },
  });
}
