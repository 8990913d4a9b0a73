// What all simulations do with their seeds: run them, say each as it ends, and answer with the totals.

import { runSeeds } from '../sim/seeds/run-seeds.ts';
import type { ScenarioName, Scenarios } from '../sim/seeds/scenarios.ts';
import type { CommandContext } from './command-context.ts';

export interface AnsweredSeeds<Name extends ScenarioName> {
  readonly scenario: Name;
  readonly task: Scenarios[Name]['task'] & { readonly mutant: string | null };
  readonly firstSeed: number;
  readonly seeds: number;
  readonly trace: boolean;
  readonly line: (result: Scenarios[Name]['result']) => string;
  readonly totals: {
    add(result: Scenarios[Name]['result']): void;
    summary(): { readonly violations: number };
    lines(): string[];
  };
}

/** With a planted mistake it ends with the first seed that shows it. */
export async function answerSeeds<Name extends ScenarioName>(
  { scenario, task, firstSeed, seeds, trace, line, totals }: AnsweredSeeds<Name>,
  { output, signal }: Pick<CommandContext, 'output' | 'signal'>,
): Promise<'ok' | 'failed'> {
  await runSeeds({
    scenario,
    task,
    firstSeed,
    seeds,
    stopsAtViolation: task.mutant !== null,
    signal,
    onResult(result) {
      totals.add(result);
      output.note(line(result));
    },
    ...(trace ? { trace: (text: string) => output.note(text) } : {}),
  });
  const summary = totals.summary();
  output.answer(summary, () => totals.lines());
  return summary.violations === 0 ? 'ok' : 'failed';
}
