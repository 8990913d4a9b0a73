// What a command prints: human text, or with --json one document (or one line each) on stdout and nothing else there.
// A reader that goes away (EPIPE) is not an error here; main.ts tells the running command.

import { type TreecastError, toWireError } from '../model/treecast-error.ts';
import { printable } from './printable.ts';
import { createStyle, type Style, wantsColor } from './style.ts';

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

export interface Output {
  readonly isJson: boolean;
  /** Standard output is a terminal and not in JSON mode: lines may be redrawn. */
  readonly isInteractive: boolean;
  readonly columns: number;
  readonly rows: number;
  readonly style: Style;
  /** A line of human text on stdout; nothing in JSON mode. */
  text(line?: string): void;
  /** One JSON value on its own line on stdout; nothing in human mode. */
  json(value: unknown): void;
  /** The answer in whichever form was asked for. */
  answer(value: unknown, lines: () => readonly string[]): void;
  /** Raw text on stdout, for redrawing. */
  raw(text: string): void;
  /** A remark on stderr, in both modes. */
  note(line: string): void;
  error(error: unknown): void;
}

export interface OutputOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly isJson: boolean;
}

export function createOutput({ stdout, stderr, env, isJson }: OutputOptions): Output {
  const style = createStyle(!isJson && wantsColor(stdout.isTTY === true, env));
  const errorStyle = createStyle(wantsColor(stderr.isTTY === true, env));
  const output: Output = {
    isJson,
    isInteractive: !isJson && stdout.isTTY === true && env['TERM'] !== 'dumb',
    get columns() {
      return stdout.columns || 80;
    },
    get rows() {
      return stdout.rows || 24;
    },
    style,
    text(line = '') {
      if (!isJson) stdout.write(`${line}\n`);
    },
    json(value) {
      if (isJson) stdout.write(`${JSON.stringify(value)}\n`);
    },
    answer(value, lines) {
      if (isJson) output.json(value);
      else for (const line of lines()) output.text(line);
    },
    raw(text) {
      stdout.write(text);
    },
    note(line) {
      stderr.write(`${line}\n`);
    },
    error(error) {
      output.json({ error: toWireError(error) });
      const wire = toWireError(error);
      const message = wire.message.split('\n').map(printable).join('\n');
      stderr.write(`${errorStyle.bad('error:')} ${message} ${errorStyle.dim(`[${wire.code}]`)}\n`);
      if (wire.fix !== undefined) stderr.write(`  ${errorStyle.bold('fix:')} ${printable(wire.fix)}\n`);
      if (wire.code === 'BUG') {
        stderr.write(
          `${detailOf(error)}\nThis is a defect in Treecast: please report it with the lines above.\n`,
        );
      } else if (env['TREECAST_DEBUG']) stderr.write(`${detailOf(error)}\n`);
    },
  };
  return output;
}

function detailOf(error: unknown): string {
  const parts: string[] = [];
  for (let current: unknown = error; current instanceof Error; current = (current as TreecastError).cause) {
    parts.push(current.stack ?? String(current));
  }
  return parts.join('\ncaused by: ');
}
