// Asks a silent source, over a connection of its own, whether it is alive and what it holds (TREE-47).

import { request } from 'node:https';
import { readBody } from '../../net/http/read-body.ts';
import { nodeConnectionOptions, type TlsCredentials } from '../../net/tls/tls-settings.ts';
import { heldAnswerBytesMax, readHeldAnswer } from '../leader/ask-held.ts';

export type ProbeAnswer =
  | 'dead'
  | 'refused'
  | 'lacks'
  /** Alive, and has nothing yet. */
  | 'nothing'
  | { readonly has: (index: number) => boolean };

export interface ProbeQuestion {
  /** Of what it holds. */
  readonly url: string;
  readonly node: string;
  readonly ticket: string;
  readonly credentials: TlsCredentials;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export async function probeSource(question: ProbeQuestion): Promise<ProbeAnswer> {
  const { url, node, ticket, credentials } = question;
  const signal = AbortSignal.any([question.signal, AbortSignal.timeout(question.timeoutMs)]);
  try {
    return await new Promise<ProbeAnswer>((resolve, reject) => {
      const outgoing = request(
        url,
        {
          ...nodeConnectionOptions(credentials, node),
          agent: false,
          signal,
          headers: { authorization: `Ticket ${ticket}` },
        },
        (response) => {
          const { statusCode = 0 } = response;
          if (statusCode === 200)
            readBody(response, heldAnswerBytesMax).then((bytes) => resolve(readHeldAnswer(bytes)), reject);
          else {
            response.destroy();
            resolve(answerOf(statusCode));
          }
        },
      );
      outgoing.on('error', reject);
      outgoing.end();
    });
  } catch {
    return 'dead';
  }
}

function answerOf(status: number): ProbeAnswer {
  if (status === 404) return 'lacks';
  return status === 403 ? 'refused' : 'nothing';
}
