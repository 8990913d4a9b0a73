// Colours for people at a terminal; plain text everywhere else. Decides nothing about layout.

import { styleText } from 'node:util';

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
}

type Format = Parameters<typeof styleText>[0];

export function createStyle(isColored: boolean): Style {
  const paint =
    (format: Format) =>
    (text: string): string =>
      isColored ? styleText(format, text, { validateStream: false }) : text;
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    good: paint('green'),
    warn: paint('yellow'),
    bad: paint('red'),
  };
}

/** Colours only on a terminal, and never against NO_COLOR (https://no-color.org) or TERM=dumb. */
export function wantsColor(isTerminal: boolean, env: NodeJS.ProcessEnv): boolean {
  return isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}
