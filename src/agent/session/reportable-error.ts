// An error as a report carries it: within the link's bounds, and with what the CCM needs to go on.

import type { HeldTree } from '../../model/messages.ts';
import { toWireError, type WireError } from '../../model/treecast-error.ts';

const messageCharactersMax = 4_096;
const fixCharactersMax = 1_024;
const dataCharactersMax = 8_192;

/** A base mismatch names the live tree, so that the CCM can build from there. */
export function reportableError(error: unknown, live: HeldTree | null): WireError {
  const { code, message, fix, data } = toWireError(error);
  const facts = code === 'BASE_MISMATCH' ? { ...data, liveTree: live?.tree ?? null } : data;
  const fits = facts !== undefined && JSON.stringify(facts).length <= dataCharactersMax;
  return {
    code,
    message: message.slice(0, messageCharactersMax),
    ...(fix === undefined ? {} : { fix: fix.slice(0, fixCharactersMax) }),
    ...(fits ? { data: facts } : {}),
  };
}
