// Field schemas that the header and the commands share.

import * as z from 'zod';

export const objectIdSchema = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'is not an object id');

/** A count of bytes or things that JSON carries exactly. */
export const byteCountSchema = z.int().min(0);

/** Canonical, padded base64. */
export const base64Schema = z
  .string()
  .refine((text) => Buffer.from(text, 'base64').toString('base64') === text, 'is not base64');
