// A byte stream of newline-separated JSON as values, each as soon as its line is complete.

import { TreecastError } from '../model/treecast-error.ts';

const lineCharactersMax = 16_777_216;

/** Throws MESSAGE_INVALID on a line that is no JSON or too long. Ending the iteration cancels the stream. */
export async function* jsonLines(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield parse(line);
    if (rest.length > lineCharactersMax) throw malformed('is too long');
  }
  if (rest.trim() !== '') yield parse(rest);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw malformed('is not JSON', cause);
  }
}

function malformed(what: string, cause?: unknown): TreecastError {
  return new TreecastError('MESSAGE_INVALID', `A line of the CCM's answer ${what}.`, {
    cause,
    fix: 'Check that nothing between here and the CCM changes its answers, and that both run the same version.',
  });
}
