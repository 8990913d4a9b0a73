// What the header says about all commands together, checked while they pass (ASG-13): counts, and the space they need.

import type { AssignmentHeader, Command, CommandKind } from '../model/assignment.ts';
import { malformed } from './malformed.ts';

export interface CommandChecks {
  add(command: Command): void;
  /** After the last command. */
  end(): void;
}

export function createCommandChecks(header: AssignmentHeader): CommandChecks {
  const left = new Map<CommandKind, number>(Object.entries(header.counts) as [CommandKind, number][]);
  let decodedBytes = 0;
  return {
    add(command) {
      const remaining = left.get(command.do) ?? 0;
      if (remaining === 0) throw malformed(`more ${command.do} commands than the header counts`);
      left.set(command.do, remaining - 1);
      if ('size' in command) decodedBytes += command.size;
      if (decodedBytes > header.space.decodedBytes)
        throw malformed('the files need more space than the header says');
    },
    end() {
      for (const [kind, remaining] of left) {
        if (remaining !== 0)
          throw malformed(`${remaining} ${kind} commands that the header counts are missing`);
      }
    },
  };
}
