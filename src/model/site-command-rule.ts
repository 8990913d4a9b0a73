// What a site's policy may say as commands for plugins: names, parameters that JSON carries, and how much of it. Used at both edges, CLI and API.

import type { SiteCommand } from './site.ts';

export const siteCommandsMax = 64;
export const siteCommandsBytesMax = 65_536;

export const siteCommandNamePattern = /^[a-z0-9][a-z0-9-]{0,62}\.[a-z0-9][a-z0-9-]{0,62}$/;
/** The names of parameters; values may be anything that JSON carries. */
export const siteParameterPattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

const nestingMax = 32;

/** Undefined when all of them can be carried by assignments. */
export function siteCommandsProblem(commands: readonly SiteCommand[]): string | undefined {
  for (const { name, parameters } of commands) {
    if (!isJson(parameters, 0))
      return `${name} has a parameter that JSON cannot carry (or that is nested deeper than ${nestingMax} levels)`;
  }
  return new TextEncoder().encode(JSON.stringify(commands)).length > siteCommandsBytesMax
    ? `the commands have more than ${siteCommandsBytesMax / 1024} KiB together`
    : undefined;
}

function isJson(value: unknown, depth: number): boolean {
  if (depth > nestingMax) return false;
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'string') return value.isWellFormed();
  if (Array.isArray(value)) return value.every((item) => isJson(item, depth + 1));
  if (typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.entries(value).every(([key, item]) => key.isWellFormed() && isJson(item, depth + 1));
}
