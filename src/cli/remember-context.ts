// Writes the context file after a CCM was made or started here, so that the CLI finds it. Failing to is no failure.

import { type CliContext, contextPath, readContext, writeContext } from './context-file.ts';
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
