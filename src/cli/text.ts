// How ids, times, sizes and nothings read in human output.

import { bytesText as bytesInWords } from '../model/bytes-text.ts';

export const nothing = '–';

/** Ten digits of an object id. */
export function shortId(id: string | null | undefined): string {
  return id?.slice(0, 10) ?? nothing;
}

/** `2026-11-23T09:20:43.428Z` → `2026-11-23 09:20:43Z`. */
export function timeText(iso: string | null | undefined): string {
  return iso ? `${iso.slice(0, 19).replace('T', ' ')}Z` : nothing;
}

/** `1536` → `1.5 KiB`. */
export function bytesText(bytes: number | null | undefined): string {
  return bytes === null || bytes === undefined ? nothing : bytesInWords(bytes);
}

/** Between two ISO times: `212 ms`, `3.4 s`, `2 min 5 s`. */
export function durationText(from: string | null, to: string | null): string {
  if (from === null || to === null) return nothing;
  const ms = Math.max(0, Date.parse(to) - Date.parse(from));
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** `1 node`, `2 nodes`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
