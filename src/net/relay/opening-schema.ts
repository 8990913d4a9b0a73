// The first word of a node behind a leader (LEAD-2), out of its frame. Strict and bounded; its hello is read as one on a link of its own.

import { z } from 'zod';
import type { Told } from '../../model/leader-messages.ts';
import type { Hello } from '../../model/messages.ts';
import { nameSchema } from '../link/field-schemas.ts';
import { sitesMax } from '../link/limits.ts';
import { negotiateProtocol } from '../link/negotiate-protocol.ts';
import { parseMessage } from '../link/parse-message.ts';

const digestSchema = z.string().regex(/^[0-9a-f]{16}$/);

const openingSchema = z.strictObject({
  hello: z.unknown(),
  told: z.strictObject({
    releaseKeys: digestSchema,
    segment: digestSchema,
    revocations: digestSchema,
    sites: z
      .record(nameSchema, digestSchema)
      .refine((sites) => Object.keys(sites).length <= sitesMax, `more than ${sitesMax} sites`),
  }),
});

/** Throws MESSAGE_INVALID, PROTOCOL_VERSION. */
export function parseOpening(value: unknown): {
  readonly hello: Hello;
  readonly protocol: number;
  readonly told: Told;
} {
  const { hello, told } = parseMessage(value, openingSchema);
  return { ...negotiateProtocol(hello), told };
}
