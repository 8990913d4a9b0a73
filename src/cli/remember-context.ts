// Writes the context file after a CCM was made or started here, so that the CLI finds it. Failing to is no failure.
// A context that `up` did not write may hold a CCM's only admin token: it is kept beside the new one.

import { type CliContext, contextPath, keepContext, readContext, writeContext } from './context-file.ts';
import type { Output } from './output.ts';

export async function rememberContext(
  context: CliContext,
  env: NodeJS.ProcessEnv,
  output: Output,
): Promise<void> {
  const path = contextPath(env);
  const before = await readContext(path).catch(() => undefined);
  if (before?.api === context.api && before.token === context.token) return;
  try {
    if (before !== undefined && before.madeBy !== 'up') {
      output.note(`The context of ${before.api} is kept in ${await keepContext(path)}.`);
    }
    await writeContext(path, context);
    if (before !== undefined && before.api !== context.api) {
      output.note(`The CLI now talks to ${context.api}, no longer to ${before.api} (${path}).`);
    }
  } catch (error) {
    output.note(
      `The context file ${path} could not be written (${error instanceof Error ? error.message : String(error)}): give --api and --token to the CLI.`,
    );
  }
}
