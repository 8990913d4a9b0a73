// Text for people out of an event: short, and of a length that a service takes.

import type { NotifyEvent } from 'treecast/plugin';

/** `{site}`, `{job}`, `{release}` and `{commit}`, URL-encoded; unknown ones become empty. */
export function filledUrl(template: string, { site, job, release, commit }: NotifyEvent): string {
  const values: Readonly<Record<string, string | null>> = { site, job, release, commit };
  return template.replace(/\{(site|job|release|commit)\}/g, (_, name: string) =>
    encodeURIComponent(values[name] ?? ''),
  );
}

/** One line of at most so many UTF-16 units, with `…` where it was cut; no character is split. */
export function shortLine(text: string, lengthMax: number): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  if (line.length <= lengthMax) return line;
  const cut = line.slice(0, lengthMax - 1);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}
