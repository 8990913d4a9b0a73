// The CCM's end of the pre-receive hook's socket: reads what the hook hands over, asks the authority once, writes the verdict.

import type { Readable, Writable } from 'node:stream';
import type { Quarantine, RefUpdate } from '../push-authority.ts';
import { isObjectId } from '../ref-name.ts';
import { terminalLine } from '../terminal-line.ts';

export interface HookQuestion {
  readonly quarantine: Quarantine;
  readonly updates: readonly RefUpdate[];
}

export type Verdict =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly lines: readonly string[] };

const questionBytesMax = 4 * 1_048_576;
const linesMax = 100;

/** `onQuestion` is called at most once; what it resolves to is written to the hook. It must not reject. */
export function serveHook(
  socket: Readable & Writable,
  repositoryPath: string,
  onQuestion: (question: HookQuestion) => Promise<Verdict>,
): void {
  let text = '';
  let asked = false;
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    if (asked) return;
    text += chunk;
    if (text.length <= questionBytesMax && !isComplete(text)) return;
    asked = true;
    const question = parseQuestion(text, repositoryPath);
    if (question === undefined) {
      writeVerdict(socket, {
        accepted: false,
        lines: ['treecast: the push was not understood; push fewer refs at once.'],
      });
      return;
    }
    void onQuestion(question).then((verdict) => writeVerdict(socket, verdict));
  });
}

/** Two lines of directories (empty for a deletion), at least one update, an empty line. */
function isComplete(text: string): boolean {
  return text.endsWith('\n\n') && text.split('\n').length > 4;
}

/** Without new objects (a deletion) there is no quarantine: the repository's own objects are named instead. */
function parseQuestion(text: string, repositoryPath: string): HookQuestion | undefined {
  const [objectDirectory, alternates, ...lines] = text.split('\n');
  const updates = lines.filter(Boolean).map((line): RefUpdate => {
    const [before = '', after = '', ref = ''] = line.split(' ');
    return { before, after, ref };
  });
  const valid = updates.every(
    (update) => isObjectId(update.before) && isObjectId(update.after) && update.ref !== '',
  );
  if (!valid || updates.length === 0 || text.length > questionBytesMax) return undefined;
  return {
    quarantine: {
      objectDirectory: objectDirectory || `${repositoryPath}/objects`,
      alternates: alternates ?? '',
    },
    updates,
  };
}

function writeVerdict(socket: Writable, verdict: Verdict): void {
  if (socket.destroyed) return;
  const lines = verdict.accepted
    ? []
    : verdict.lines.slice(0, linesMax).map((line) => terminalLine(line) || ' ');
  socket.end(`${[verdict.accepted ? 'accept' : 'refuse', ...lines].join('\n')}\n`);
}
