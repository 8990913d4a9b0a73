// RFC 9110 §13: whether the client has the file already, and whether the range it asks for is of this file.

import type { IncomingHttpHeaders } from 'node:http';

/** Of the file about to be served. */
export interface Validators {
  /** With its quotes; undefined for a file that is not the tree's own. */
  readonly etag: string | undefined;
  /** Whole seconds, as milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** True when the answer is 304. */
export function isUnmodified(headers: IncomingHttpHeaders, { etag, modifiedMs }: Validators): boolean {
  const tags = headers['if-none-match'];
  if (tags !== undefined) {
    if (tags.trim() === '*') return true;
    if (etag === undefined) return false;
    return tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  }
  const since = headers['if-modified-since'];
  return since !== undefined && modifiedMs <= Date.parse(since);
}

/** False when If-Range names another version: then the whole file is sent. */
export function isRangeOfThis(headers: IncomingHttpHeaders, { etag, modifiedMs }: Validators): boolean {
  const condition = headers['if-range'];
  if (condition === undefined) return true;
  if (typeof condition !== 'string') return false;
  const text = condition.trim();
  return text.startsWith('"') ? text === etag : modifiedMs === Date.parse(text);
}
