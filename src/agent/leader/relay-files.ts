// Where a node keeps assignments for others, `<state>/relay/<id>.{manifest,data}`: what is there, how much may be, and how it goes again. What is in
// the files is checked by whoever reads them.

import { type FileHandle, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '../../faults/failpoint.ts';
import { freeSpace } from '../run/free-space.ts';

export interface RelayFiles {
  /** Makes the directory; removes what is older than a day, and what no manifest belongs to. Returns what is left. */
  recover(): Promise<string[]>;
  readManifest(id: string): Promise<Buffer | undefined>;
  writeManifest(id: string, bytes: Uint8Array): Promise<void>;
  openData(id: string): Promise<FileHandle>;
  /** Bytes on disk. */
  bytesOf(id: string): Promise<number>;
  /** What may lie here in all: half of what would be free without it. */
  bytesMax(ids: readonly string[]): Promise<number>;
  remove(id: string): Promise<void>;
}

const suffixes = ['manifest', 'data'] as const;
const oldMs = 86_400_000;

export function createRelayFiles(directory: string, now: () => number): RelayFiles {
  const pathOf = (id: string, suffix: (typeof suffixes)[number]): string =>
    join(directory, `${id}.${suffix}`);

  async function bytesOf(id: string): Promise<number> {
    let bytes = 0;
    for (const suffix of suffixes) {
      const found = await ifThere(stat(pathOf(id, suffix)));
      bytes += (found?.blocks ?? 0) * 512;
    }
    return bytes;
  }

  async function remove(id: string): Promise<void> {
    // The data first: a manifest alone is a beginning, data alone is nothing.
    for (const suffix of ['data', 'manifest'] as const) await rm(pathOf(id, suffix), { force: true });
    failpoint('agent.relay.removed');
  }

  /** Null: it does not stay. */
  async function ageOf(id: string): Promise<number | null> {
    const manifest = await ifThere(stat(pathOf(id, 'manifest')));
    const data = await ifThere(stat(pathOf(id, 'data')));
    return manifest === undefined ? null : now() - Math.max(manifest.mtimeMs, data?.mtimeMs ?? 0);
  }

  return {
    async recover() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const ids = new Set<string>();
      for (const name of await readdir(directory)) {
        const [, id] = /^([0-9a-f]{64})\.(?:manifest|data)$/.exec(name) ?? [];
        const ageMs = id === undefined ? null : await ageOf(id);
        if (id !== undefined && ageMs !== null && ageMs < oldMs) ids.add(id);
        else await rm(join(directory, name), { recursive: true, force: true });
      }
      return [...ids];
    },
    readManifest: (id) => ifThere(readFile(pathOf(id, 'manifest'))),
    async writeManifest(id, bytes) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      // Half of one is none: whoever reads it looks at its signature.
      await writeFile(pathOf(id, 'manifest'), bytes, { mode: 0o600 });
      failpoint('agent.relay.manifest-written');
    },
    async openData(id) {
      const path = pathOf(id, 'data');
      const opened = (await ifThere(open(path, 'r+'))) ?? (await open(path, 'wx+', 0o600));
      failpoint('agent.relay.opened');
      return opened;
    },
    bytesOf,
    async bytesMax(ids) {
      let own = 0;
      for (const id of ids) own += await bytesOf(id);
      return Math.floor((freeSpace(directory).freeBytes + own) / 2);
    },
    remove,
  };
}

async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
