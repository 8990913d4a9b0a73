// Does one thing on every balancer at once. One that fails does not stop the others; what failed is told together at the end, each with
// its balancer and what to do.

import { PluginError } from 'treecast/plugin';

export interface NamedResult<T> {
  readonly name: string;
  readonly value: T;
}

export interface Failure {
  readonly name: string;
  readonly error: unknown;
}

export interface Outcome<T> {
  readonly done: readonly NamedResult<T>[];
  readonly failed: readonly Failure[];
}

export async function acrossBalancers<B extends { readonly name: string }, T>(
  balancers: readonly B[],
  act: (balancer: B) => Promise<T>,
): Promise<Outcome<T>> {
  const done: NamedResult<T>[] = [];
  const failed: Failure[] = [];
  await Promise.all(
    balancers.map(async (balancer) => {
      try {
        done.push({ name: balancer.name, value: await act(balancer) });
      } catch (error) {
        failed.push({ name: balancer.name, error });
      }
    }),
  );
  return { done, failed };
}

/** Nothing when nothing failed. */
export function throwFailures(failed: readonly Failure[], nodes: readonly string[]): void {
  const [first] = failed;
  if (first === undefined) return;
  const fixes = [...new Set(failed.map(({ error }) => fixOf(error)))];
  throw new PluginError(`${nodes.join(', ')}: ${failed.map(failureText).join('; ')}`, {
    cause: first.error,
    fix: fixes.join(' '),
    retryable: failed.some(({ error }) => !(error instanceof PluginError) || error.retryable),
  });
}

export function failureText({ name, error }: Failure): string {
  return `balancer ${name}: ${error instanceof Error ? error.message : String(error)}`;
}

function fixOf(error: unknown): string {
  const fix =
    error instanceof PluginError
      ? error.fix
      : 'It is a bug of the plugin, for its author: where it happened is in the log of the agent or CCM.';
  return fix ?? 'Look at the balancer.';
}
