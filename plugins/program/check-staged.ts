// Runs a staged program once, from a private copy: whether it starts here at all. The copy is removed whatever happens.

import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Exec, type ExecOptions, type ExecResult, PluginError } from 'treecast/plugin';

const toldCharactersMax = 1_000;
const busyTries = 5;

export interface StagedCheck {
  readonly source: FileHandle;
  /** Its path in the tree. */
  readonly from: string;
  readonly args: readonly string[];
  readonly stateDirectory: string;
  readonly signal: AbortSignal;
}

export async function checkStaged(exec: Exec, check: StagedCheck): Promise<void> {
  const { source, from, args, stateDirectory, signal } = check;
  const directory = await mkdtemp(join(stateDirectory, 'check-'));
  try {
    const copy = join(directory, basename(from));
    const file = await open(copy, 'wx', 0o700);
    try {
      await file.writeFile(source.createReadStream({ autoClose: false, start: 0 }));
    } finally {
      await file.close();
    }
    const { code, stdout, stderr } = await started(exec, copy, args, { signal, cwd: directory });
    if (code === 0) return;
    const said = `${stderr}\n${stdout}`.trim().slice(-toldCharactersMax);
    throw new PluginError(`${from} ended with ${code} when it was tried${said === '' ? '' : `: ${said}`}`, {
      fix: 'Publish a program that passes its `check` on this kind of node.',
      retryable: false,
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** While another program is being started, a file just written can count as open for writing for a moment (ETXTBSY). */
async function started(
  exec: Exec,
  copy: string,
  args: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  for (let triesLeft = busyTries; ; triesLeft--) {
    try {
      return await exec(copy, args, options);
    } catch (error) {
      if (triesLeft === 0 || !(error instanceof Error && error.message.includes('ETXTBSY'))) throw error;
    }
  }
}
