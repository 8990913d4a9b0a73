// The context file: which CCM the CLI talks to when neither options nor environment say so.
// `up` and `ccm init` write it. It holds a token, so only its owner may read it.

import { link, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { TreecastError } from '../model/treecast-error.ts';
import { writeFileAtomic } from '../net/atomic-file.ts';

const contextSchema = z.strictObject({
  version: z.literal(1),
  /** Origin of the CCM's public port, without trailing slash. */
  api: z.url({ protocol: /^https?$/ }),
  token: z.string().min(1).max(500),
  /** `up` keeps its tokens in its own state directory too, so that its contexts may be lost. */
  madeBy: z.literal('up').optional(),
});

export type CliContext = Omit<z.output<typeof contextSchema>, 'version'>;

/** $TREECAST_CONTEXT, else treecast/context.json in $XDG_CONFIG_HOME, else in ~/.config. */
export function contextPath(env: NodeJS.ProcessEnv): string {
  if (env['TREECAST_CONTEXT']) return env['TREECAST_CONTEXT'];
  const base = env['XDG_CONFIG_HOME'];
  const home = env['HOME'] || homedir();
  return join(base && isAbsolute(base) ? base : join(home, '.config'), 'treecast', 'context.json');
}

/** Undefined when there is none. Throws INVALID_CONFIGURATION when there is one that makes no sense. */
export async function readContext(path: string): Promise<CliContext | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) {
      return undefined;
    }
    throw invalidContext(path, 'cannot be read', cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidContext(path, 'is not JSON', cause);
  }
  const parsed = contextSchema.safeParse(value);
  if (!parsed.success) throw invalidContext(path, `is not valid: ${z.prettifyError(parsed.error)}`);
  const { version: _, ...context } = parsed.data;
  return context;
}

/** Replaces the file as a whole, mode 0600. */
export async function writeContext(path: string, { api, token, madeBy }: CliContext): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, `${JSON.stringify({ version: 1, api, token, madeBy }, null, 2)}\n`, 0o600);
}

/** Keeps the file as it is beside itself, under the first of `PATH.old`, `PATH.old2`, … that is free; returns that path. */
export async function keepContext(path: string): Promise<string> {
  for (let number = 1; ; number++) {
    const kept = `${path}.old${number === 1 ? '' : number}`;
    try {
      await link(path, kept);
      return kept;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

function invalidContext(path: string, what: string, cause?: unknown): TreecastError {
  return new TreecastError('INVALID_CONFIGURATION', `The context file ${path} ${what}.`, {
    cause,
    fix: 'Delete it, or give --api and --token; `treecast up` and `treecast ccm init` write a new one.',
  });
}
