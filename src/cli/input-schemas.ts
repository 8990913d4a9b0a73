// Building blocks of the commands' input schemas: names, numbers, ports, labels as they are written on a command line.

import { z } from 'zod';
import { rateMbitMax, rateMbitMin } from '../model/rate-limit.ts';
import { namePattern } from '../model/site.ts';
import { parseListenAddress } from '../net/http/listen-address.ts';

/** The name of a site, group, node or repository. */
export const name = z
  .string()
  .regex(
    namePattern,
    'Is not a name: use a–z, 0–9, dots, dashes and underscores, at most 64, no mark at the ends',
  );

export const count = z
  .string()
  .regex(/^\d{1,9}$/, 'Is not a whole number')
  .transform(Number);

export const port = count.refine(
  (value) => value <= 65_535,
  'Is not a port (0 to 65535; 0 picks a free one)',
);

/** `200`, `0.5`. */
export const mbitRate = z
  .string()
  .refine(isMbit, `Is not a rate in Mbit/s (${rateMbitMin} to ${rateMbitMax})`)
  .transform(Number);

/** The same, or `off`: null, no limit. */
export const mbitOrOff = z
  .string()
  .refine(
    (text) => text === 'off' || isMbit(text),
    `Is not a rate in Mbit/s (${rateMbitMin} to ${rateMbitMax}) or off`,
  )
  .transform((text) => (text === 'off' ? null : Number(text)));

function isMbit(text: string): boolean {
  const value = Number(text);
  return /^\d{1,6}(?:\.\d{1,3})?$/.test(text) && value >= rateMbitMin && value <= rateMbitMax;
}

/** `key=value`, repeated, to a record. An empty list is an empty record. */
export const labels = z
  .array(z.string().regex(/^[^=\s]{1,63}=[^\s]{0,200}$/, 'Is not a label: write KEY=VALUE'))
  .transform((all) =>
    Object.fromEntries(
      all.map((label) => [label.slice(0, label.indexOf('=')), label.slice(label.indexOf('=') + 1)]),
    ),
  );

/** `90s`, `30m`, `12h`, `30d` to seconds. */
export const durationSeconds = z
  .string()
  .regex(/^[1-9]\d{0,5}[smhd]$/, 'Is not a duration: write for example 30m, 12h or 90d')
  .transform((text) => Number(text.slice(0, -1)) * unitSeconds(text.at(-1)));

function unitSeconds(unit: string | undefined): number {
  if (unit === 's') return 1;
  if (unit === 'm') return 60;
  return unit === 'h' ? 3600 : 86_400;
}

/** `127.0.0.1:8080`, `[::1]:8080`; port 0 picks a free one. */
export const listenAddress = z
  .string()
  .refine((text) => parseListenAddress(text) !== undefined, 'Is not HOST:PORT, such as 127.0.0.1:8080');
