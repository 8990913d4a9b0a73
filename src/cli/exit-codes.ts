// The CLI's exit codes: the one table (docs/cli.md repeats it, a test compares), and which error ends with which.

import type { ErrorCode } from '../model/error-codes.ts';
import { errorCodes } from '../model/error-codes.ts';
import { TreecastError } from '../model/treecast-error.ts';

export const exitCodes = {
  ok: { code: 0, meaning: 'Done; for `verify` and `doctor`: nothing wrong was found.' },
  failed: {
    code: 1,
    meaning:
      'The command ran and the answer is no: nodes disagree, a check failed, something broke on a server.',
  },
  usage: { code: 2, meaning: 'The command line, the input or a configuration file is not valid.' },
  refused: {
    code: 3,
    meaning: 'Refused: not found, not allowed, already there, in conflict, or in use by another process.',
  },
  unreachable: { code: 4, meaning: 'The CCM cannot be reached.' },
  job: {
    code: 5,
    meaning: 'The job did not succeed: failed, no quorum, deferred, superseded by a newer one, or aborted.',
  },
  bug: { code: 70, meaning: 'A defect in Treecast; please report it.' },
  interrupted: { code: 130, meaning: 'Stopped by a signal before the answer was there.' },
} as const satisfies Record<string, { code: number; meaning: string }>;

export type Exit = keyof typeof exitCodes;

/** Where an error code is more than its kind says. */
const exitByErrorCode: Partial<Record<ErrorCode, Exit>> = {
  INVALID_INPUT: 'usage',
  INVALID_CONFIGURATION: 'usage',
  PLUGIN_INVALID: 'usage',
  CCM_UNREACHABLE: 'unreachable',
  NO_QUORUM: 'job',
  NO_MEMBERS: 'job',
  SUPERSEDED: 'job',
  ABORTED: 'job',
  NODE_LOST: 'job',
  DEFERRED: 'job',
  BUG: 'bug',
};

/** User errors are refusals, operating errors failures, unless the table says otherwise; what is no TreecastError is a bug. */
export function exitOf(error: unknown): Exit {
  if (!(error instanceof TreecastError)) return 'bug';
  return exitByErrorCode[error.code] ?? (errorCodes[error.code].kind === 'user' ? 'refused' : 'failed');
}
