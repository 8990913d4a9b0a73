// POST /hand-outs on the segment port (TREE-52): what another leader brings from the CCM. Who brings it does not matter: the CCM signed it.

import type { KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { HandOut } from '../../model/tree-messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { readJson } from '../../net/http/read-json.ts';
import { sendJson } from '../../net/http/send-error.ts';
import { parseMessage } from '../../net/link/parse-message.ts';
import { handOutBytesMax, verifyHandOut } from '../../net/tree/hand-out.ts';

export const handOutsPath = '/hand-outs';

export interface HandOutEndpointOptions {
  readonly node: string;
  readonly keys: () => readonly KeyObject[];
  /** CCM time. */
  readonly now: () => number;
  /** False: it says nothing new. Throws what it is refused for. */
  readonly take: (handOut: HandOut) => boolean;
}

const bodySchema = z.strictObject({ handOut: z.unknown() });

/** Throws what the request is refused for. */
export function createHandOutEndpoint({ node, keys, now, take }: HandOutEndpointOptions) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'POST')
      throw new TreecastError('METHOD_NOT_ALLOWED', `Hand-outs come to ${handOutsPath} by POST.`);
    const { handOut } = parseMessage(await readJson(request, handOutBytesMax), bodySchema);
    const isNew = take(verifyHandOut(handOut, { keys: keys(), node, now: now() }));
    sendJson(response, isNew ? 202 : 200, {});
  };
}
