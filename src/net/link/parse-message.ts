// From a WebSocket frame to a message of a known shape, or MESSAGE_INVALID with every problem.

import type { RawData } from 'ws';
import type { z } from 'zod';
import { TreecastError } from '../../model/treecast-error.ts';

const problemsShownMax = 5;

/** LINK-4: text frames only. The size was checked when the frame was received. */
export function parseJsonFrame(data: RawData, isBinary: boolean): unknown {
  if (isBinary) throw refused('it is binary');
  return parseJsonText((data as Buffer).toString('utf8'));
}

export function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refused('it is not JSON', cause);
  }
}

export function parseMessage<Message>(value: unknown, schema: z.ZodType<Message>): Message {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw refused(problems.slice(0, problemsShownMax).join('; '), parsed.error);
}

function refused(why: string, cause?: unknown): TreecastError {
  return new TreecastError('MESSAGE_INVALID', `A message was refused: ${why}.`.slice(0, 1_000), {
    cause,
    fix: 'Check that the agent and the CCM are of versions that work together.',
  });
}
