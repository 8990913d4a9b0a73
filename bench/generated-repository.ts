// A repository whose branch `publish` is one commit over generated files, made by `git fast-import`: nothing is checked out, and what
// does not compress is not tried to. The same seed gives the same files.

import { spawn } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { once } from 'node:events';
import { runProgram } from '../test/lab/run-program.ts';
import { gitEnvironment } from './push-to-live/author.ts';

export interface GeneratedFile {
  readonly path: string;
  readonly bytes: number;
  /** The contents, in pieces of any size. */
  readonly pieces: () => Iterable<Buffer>;
}

/** A bare repository; resolves with the tree id of its only commit. */
export async function generateRepository(directory: string, files: Iterable<GeneratedFile>): Promise<string> {
  const git = (...parameters: string[]): Promise<string> =>
    runProgram('git', ['--git-dir', directory, ...parameters], { env: gitEnvironment });
  await runProgram('git', ['init', '--quiet', '--bare', directory], { env: gitEnvironment });
  await git('config', 'gc.auto', '0');
  await git('config', 'pack.compression', '1');
  const importer = spawn('git', ['--git-dir', directory, 'fast-import', '--quiet'], {
    env: gitEnvironment,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const ended = once(importer, 'exit');
  const write = async (piece: string | Buffer): Promise<void> => {
    if (!importer.stdin.write(piece)) await Promise.race([once(importer.stdin, 'drain'), ended]);
  };
  importer.stdin.on('error', () => undefined);
  await write(
    'commit refs/heads/publish\ncommitter author <author@example.org> 1764000000 +0000\ndata 4\nSite\n',
  );
  for (const { path, bytes, pieces } of files) {
    await write(`M 100644 inline ${path}\ndata ${bytes}\n`);
    for (const piece of pieces()) await write(piece);
    await write('\n');
  }
  importer.stdin.end('\ndone\n');
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`);
  return (await git('rev-parse', 'publish^{tree}')).trim();
}

/** Bytes that no compressor makes smaller: a cipher's stream over nothing, quick and the same for the same seed. */
export function* incompressible(bytes: number, seed: number): Generator<Buffer> {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed, 0);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(1024 ** 2);
  for (let left = bytes; left > 0; left -= zeros.length) {
    yield cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
  }
}

const words =
  'the server tree page of a live release and every node serves what was pushed to it at once with one switch'.split(
    ' ',
  );

/** Text of exactly so many bytes, as pages have it: no two are alike, and each shrinks by about half. */
export function page(bytes: number, number: number): Buffer {
  let state = number + 1;
  let text = `<!doctype html><title>Page ${number}</title>\n`;
  while (text.length < bytes) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += `${words[state % words.length]} ${(state >>> 8).toString(36)}${state % 7 === 0 ? '\n' : ' '}`;
  }
  return Buffer.from(text.slice(0, bytes));
}
