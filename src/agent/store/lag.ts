// A lag: the paths at which a tree slot may differ from the live tree; those of twins go with their file's. Long lists are named by
// what the inbox keeps (the assignment's manifest, or a list), short ones are spelled out, so the journal stays small. Pure.

import type { Command } from '../../model/assignment.ts';
import type { Steps } from '../../slices/slices.ts';

export interface Lag {
  /** Everything may differ: the slot was not made from the live tree. */
  readonly all: boolean;
  /** Assignments whose commands' paths, and kept lists whose paths, are in the lag. */
  readonly assignments: readonly string[];
  readonly paths: readonly string[];
}

/** Above this many paths, or bytes of them, a lag names the assignment instead. */
const pathsMax = 64;
const pathBytesMax = 4096;

export const emptyLag: Lag = { all: false, assignments: [], paths: [] };
export const wholeLag: Lag = { all: true, assignments: [], paths: [] };

export function isEmptyLag(lag: Lag): boolean {
  return !lag.all && lag.assignments.length === 0 && lag.paths.length === 0;
}

export function uniteLags(a: Lag, b: Lag): Lag {
  if (a.all || b.all) return wholeLag;
  if (isEmptyLag(a)) return b;
  if (isEmptyLag(b)) return a;
  return {
    all: false,
    assignments: [...new Set([...a.assignments, ...b.assignments])],
    paths: [...new Set([...a.paths, ...b.paths])],
  };
}

/** A lag that spells the paths out; undefined when they are too many or too long for the journal. */
export function shortLag(paths: readonly string[]): Lag | undefined {
  const bytes = paths.reduce((total, path) => total + path.length, 0);
  return paths.length <= pathsMax && bytes <= pathBytesMax ? { ...emptyLag, paths } : undefined;
}

/** What one pass over an assignment's commands tells. */
export interface CommandSurvey {
  /** The lag that carrying them out leaves. */
  readonly lag: Lag;
  /** The commands themselves while they are few; null when they are better read again. */
  readonly commands: readonly Command[] | null;
}

/** Goes through all commands, so a manifest that breaks a rule is found here. */
export function* surveyCommands(id: string, commands: Iterable<Command>): Steps<CommandSurvey> {
  const paths = new Set<string>();
  const few: Command[] = [];
  let bytes = 0;
  let count = 0;
  for (const command of commands) {
    yield;
    if (++count <= pathsMax) few.push(command);
    if (command.do === 'plugin' || paths.size > pathsMax || bytes > pathBytesMax) continue;
    if (paths.has(command.path)) continue;
    paths.add(command.path);
    bytes += command.path.length;
  }
  return {
    lag: shortLag([...paths]) ?? { ...emptyLag, assignments: [id] },
    commands: count <= pathsMax ? few : null,
  };
}
