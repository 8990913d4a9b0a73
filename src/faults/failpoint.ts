// A seam for tests: names the places behind a durable effect, where a test has this very process killed as a crash would
// (docs/ARCHITECTURE.md). Armed by the environment of the process alone; otherwise a call is one comparison.

import { appendFileSync } from 'node:fs';

/** `NAME`, or `NAME:N` for the N-th time that it is passed. */
const armed = parse(process.env['TREECAST_FAILPOINT']);
/** A file that is told each name passed, a line each. */
const trace = process.env['TREECAST_FAILPOINT_TRACE'];
const isIdle = armed === undefined && trace === undefined;
let passesLeft = armed?.pass ?? 0;

/** The effect of that name has happened. Names are literals, unique, and all of them are swept by test/faults. */
export function failpoint(name: string): void {
  if (isIdle) return;
  if (trace !== undefined) appendFileSync(trace, `${name}\n`);
  if (name !== armed?.name) return;
  passesLeft -= 1;
  if (passesLeft === 0) process.kill(process.pid, 'SIGKILL');
}

function parse(text: string | undefined): { readonly name: string; readonly pass: number } | undefined {
  if (text === undefined || text === '') return undefined;
  const [name = '', pass = '1'] = text.split(':');
  return { name, pass: Number(pass) };
}
