// What former versions left behind, as test/upgrade/record.sh recorded it: state directories, and the frames of a session with what proves them.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const golden = new URL('./golden/', import.meta.url);

/** Every recorded version; the tests of this folder run for each. */
export const recordedVersions: readonly string[] = readdirSync(golden);

export function recordedText(version: string, name: string): string {
  return readFileSync(new URL(`${version}/${name}`, golden), 'utf8');
}

/** The frames that one side sent, in order. */
export function recordedFrames(version: string, side: 'agent' | 'ccm'): readonly unknown[] {
  return recordedText(version, `${side}-frames.jsonl`)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

/** An archive with `ccm/`, `agent/` (of the node web1) and `token`. */
export function recordedState(version: string): string {
  return fileURLToPath(new URL(`${version}/state.tar.gz`, golden));
}
