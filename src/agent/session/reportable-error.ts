// An error as a report carries it: within the link's bounds, and with what the CCM needs to go on.

import { dirname } from 'node:path';
import type { HeldTree } from '../../model/messages.ts';
import { TreecastError, toWireError, type WireError } from '../../model/treecast-error.ts';
import { diskError, diskTroubleOf } from '../../net/disk-trouble.ts';

const messageCharactersMax = 4_096;
const fixCharactersMax = 1_024;
const dataCharactersMax = 8_192;

/** A base mismatch names the live tree, so that the CCM can build from there. */
export function reportableError(error: unknown, live: HeldTree | null): WireError {
  const { code, message, fix, data } = toWireError(explained(error));
  const facts = code === 'BASE_MISMATCH' ? { ...data, liveTree: live?.tree ?? null } : data;
  const fits = facts !== undefined && JSON.stringify(facts).length <= dataCharactersMax;
  return {
    code,
    message: message.slice(0, messageCharactersMax),
    ...(fix === undefined ? {} : { fix: fix.slice(0, fixCharactersMax) }),
    ...(fits ? { data: facts } : {}),
  };
}

/** The store explains its own; this is for the agent's other files. */
function explained(error: unknown): unknown {
  const trouble = error instanceof TreecastError ? undefined : diskTroubleOf(error);
  if (!trouble) return error;
  const { path } = error as NodeJS.ErrnoException;
  const place = path === undefined ? 'a file system' : `the file system of ${dirname(path)}`;
  return diskError(trouble, 'writing the agent’s own files', place, error);
}
