// What every call of a Git source begins with: the source is open, and what is asked for are object ids.

import type { ObjectId } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { isObjectId } from './ref-name.ts';

export interface OpenCheck {
  /** Throws GIT_FAILED when closed, INVALID_INPUT. */
  (...ids: readonly ObjectId[]): void;
  /** False when it was closed before. */
  close(): boolean;
}

export function createOpenCheck(): OpenCheck {
  let closed = false;
  const check = (...ids: readonly ObjectId[]): void => {
    if (closed) throw new TreecastError('GIT_FAILED', 'This Git source is closed.');
    for (const id of ids)
      if (!isObjectId(id)) throw new TreecastError('INVALID_INPUT', `"${id}" is not an object id.`);
  };
  return Object.assign(check, {
    close() {
      const wasOpen = !closed;
      closed = true;
      return wasOpen;
    },
  });
}
