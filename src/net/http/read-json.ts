// The body of a request as JSON, bounded. What it has to look like is its reader's schema.

import type { IncomingMessage } from 'node:http';
import { TreecastError } from '../../model/treecast-error.ts';
import { readBody } from './read-body.ts';

/** Throws INVALID_INPUT when it is not JSON, and what {@link readBody} throws when it is too long. */
export async function readJson(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const bytes = await readBody(request, bytesMax);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new TreecastError('INVALID_INPUT', 'The body is not JSON.', { cause });
  }
}
