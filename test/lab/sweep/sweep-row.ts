// A row of the sweep's table, and the sets of kinds of work that rows name.

import { type JobType, jobTypes } from './job-types.ts';

export interface SweepRow {
  /** Swept in each of `passedIn`; the first is where it matters most. */
  readonly failpoints: readonly string[];
  readonly passedIn: readonly JobType[];
  /** Passed or not, by what the background has left to do: neither swept nor asked for. */
  readonly variesIn?: readonly JobType[];
  /** Why in no other. */
  readonly elsewhere: string;
}

export const publishes = [
  'publish',
  'publish-large',
  'publish-deep',
  'publish-plugins',
  'switch-back',
] as const;
export const staged = [
  ...publishes,
  'abort',
  'mend',
  'synchronize',
  'replicate',
  'replicate-plugins',
  'fail-plugins',
] as const;
export const switched = [
  ...publishes,
  'restage',
  'mend',
  'rollback',
  'synchronize',
  'replicate',
  'replicate-plugins',
  'restart',
] as const;
export const pushed = [...publishes, 'abort', 'restage', 'mend', 'fail-plugins'] as const;
export const withPlugins = ['publish-plugins', 'switch-back', 'replicate-plugins'] as const;
export const joins = ['replicate', 'replicate-plugins'] as const;
export const starts = ['synchronize', ...joins, 'join', 'restart', 'start'] as const;

export const allBut = (...types: readonly JobType[]): JobType[] =>
  jobTypes.filter((type) => !types.includes(type));
