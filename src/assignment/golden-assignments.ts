// The inputs of the golden files in golden/: fixed commands, keys and facts. `node src/assignment/golden-assignments.ts --write`
// writes the files anew; that is a change of format and needs a new format version.

import { writeFileSync } from 'node:fs';
import { fixtureFacts, fixtureSeal } from './container-fixture.ts';
import { type CommandInput, type EncodedAssignment, encodeAssignment } from './encode-assignment.ts';
import { blobIdOf } from './object-id.ts';

export const goldenDirectory = new URL('./golden/', import.meta.url);

const blob = (bytes: Uint8Array) => blobIdOf(bytes);

/** Bytes that look random and are the same everywhere. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 0x9e3779b9;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function everyCommand(): CommandInput[] {
  const page = Buffer.from('<!doctype html><title>Golden</title>\n');
  const file = { mode: '100644' as const, mtime: 1_763_900_000 };
  return [
    { command: { do: 'remove', path: 'old.css' } },
    { command: { do: 'rmdir', path: 'was-a-directory' } },
    { command: { do: 'mkdir', path: 'assets' } },
    {
      command: {
        do: 'copy',
        ...file,
        path: 'assets/logo.svg',
        from: 'logo.svg',
        blob: blob(page),
        size: page.length,
      },
    },
    {
      command: { do: 'write', ...file, path: 'assets/picture.gif', blob: blob(noise(4096)), size: 4096 },
      payload: { codec: 'store', cipher: 'none', bytes: noise(4096) },
    },
    {
      command: {
        do: 'patch',
        ...file,
        path: 'index.html',
        from: 'index.html',
        base: blob(page),
        blob: blob(page),
        size: page.length,
      },
      payload: { codec: 'zstd-base', cipher: 'aes-256-gcm', bytes: noise(17) },
    },
    {
      command: {
        do: 'write',
        ...file,
        mode: '100755',
        path: 'run "me"\n.sh',
        blob: blob(page),
        size: page.length,
      },
      payload: { codec: 'store', cipher: 'aes-256-gcm', bytes: page },
    },
    { command: { do: 'mode', path: 'tool', mode: '100755', mtime: 1_763_900_000 } },
    { command: { do: 'symlink', path: 'latest', target: 'assets', mtime: 1_763_900_000 } },
    { command: { do: 'verify', path: 'robots.txt', blob: blob(page) } },
    { command: { do: 'plugin', name: 'demo:greet', parameters: { text: 'hello 👋', times: 2 } } },
  ];
}

export const goldenAssignments: Readonly<Record<string, () => EncodedAssignment>> = {
  empty: () => encodeAssignment({ ...fixtureFacts, type: 'rollback' }, [], fixtureSeal),
  'every-command': () => encodeAssignment(fixtureFacts, everyCommand(), fixtureSeal),
  /** One byte more than a sealed block holds. */
  'block-edge': () =>
    encodeAssignment(
      { ...fixtureFacts, part: { index: 2, of: 3 } },
      [
        {
          command: {
            do: 'write',
            path: 'edge.bin',
            mode: '100644',
            blob: blob(noise(131_057)),
            size: 131_057,
            mtime: 1,
          },
          payload: { codec: 'store', cipher: 'aes-256-gcm', bytes: noise(131_057) },
        },
      ],
      fixtureSeal,
    ),
};

if (import.meta.main && process.argv.includes('--write')) {
  for (const [name, make] of Object.entries(goldenAssignments)) {
    const { manifest, data } = make();
    writeFileSync(new URL(`${name}.manifest`, goldenDirectory), manifest);
    writeFileSync(new URL(`${name}.data`, goldenDirectory), data);
  }
  writeFileSync(new URL('zstd-version', goldenDirectory), `${process.versions['zstd']}\n`);
}
