// LINK-3: which protocol major a connection speaks, and how a hello of a newer agent is read.

import { z } from 'zod';
import { type Hello, protocolVersions } from '../../model/messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { helloSchema } from './agent-message-schema.ts';
import { parseMessage } from './parse-message.ts';

const offerSchema = z.object({
  type: z.literal('hello'),
  protocols: helloSchema.shape.protocols,
});

/** A newer agent may add fields to its hello; an agent of no newer major may not. */
const newerHelloSchema = helloSchema.strip();

/** The hello and the highest common major. Throws MESSAGE_INVALID, or PROTOCOL_VERSION when there is none. */
export function negotiateProtocol(
  value: unknown,
  spoken: readonly number[] = protocolVersions,
): { readonly hello: Hello; readonly protocol: number } {
  const { protocols } = parseMessage(value, offerSchema);
  const common = protocols.filter((major) => spoken.includes(major));
  if (common.length === 0) {
    throw new TreecastError(
      'PROTOCOL_VERSION',
      `The agent speaks protocol ${protocols.join(', ')}; the CCM speaks ${spoken.join(', ')}.`,
      { fix: 'Upgrade the older of the two.', data: { spoken } },
    );
  }
  const newer = Math.max(...protocols) > Math.max(...spoken);
  return {
    hello: parseMessage(value, newer ? newerHelloSchema : helloSchema),
    protocol: Math.max(...common),
  };
}
