// Small files of a server's configuration, several at once: as they are, and as they are to be. Each is replaced as a whole; what is
// tested in between, and undone, is the plugin's.

import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import { PluginError } from '../api/plugin-error.ts';

/** Contents by absolute path; null: not there. */
export type FileContents = ReadonlyMap<string, string | null>;

const [fileMode, directoryMode] = [0o644, 0o755];

/** Throws a PluginError with this `fix` for what is there and cannot be read. */
export async function readContents(paths: Iterable<string>, fix: string): Promise<FileContents> {
  const found = new Map<string, string | null>();
  for (const path of paths) {
    try {
      found.set(path, await readFile(path, 'utf8'));
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT') throw cannot('read', path, fix, cause);
      found.set(path, null);
    }
  }
  return found;
}

/** In order, durably; directories are made. Throws a PluginError with this `fix`; files before it are written then. */
export async function writeContents(files: FileContents, fix: string): Promise<void> {
  for (const [path, text] of files) {
    try {
      if (text === null) await rm(path, { force: true });
      else {
        await mkdir(dirname(path), { recursive: true, mode: directoryMode });
        await writeFileAtomic(path, text, fileMode);
      }
    } catch (cause) {
      throw cannot('written', path, fix, cause);
    }
  }
}

function cannot(what: string, path: string, fix: string, cause: unknown): PluginError {
  return new PluginError(`${path} cannot be ${what} (${codeOf(cause)})`, { cause, fix });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
