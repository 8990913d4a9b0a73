// Secrets in a plugin's configuration: named by file or environment variable, never written into YAML, masked wherever they are printed.

import { readFileSync, statSync } from 'node:fs';
import { inspect } from 'node:util';
import { z } from 'zod';

/** A value that prints as `[secret]`; only `reveal()` gives it away. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    revealed.add(value);
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

const revealed = new Set<string>();
/** Shorter texts would blank out innocent words. */
const maskedCharactersMin = 4;

/** The text without any secret that this process has read, also in its URL-encoded and base64 spellings. */
export function maskSecrets(text: string): string {
  let masked = text;
  // The longest first: one secret may be part of another.
  for (const value of [...revealed].sort((a, b) => b.length - a.length)) {
    if (value.length < maskedCharactersMin) continue;
    const spellings = [value, encodeURIComponent(value), Buffer.from(value).toString('base64')];
    for (const spelling of spellings) masked = masked.replaceAll(spelling, '[secret]');
  }
  return masked;
}

const fileBytesMax = 65_536;

/**
 * A configuration value `{ file: /etc/treecast/token }` or `{ env: NAME }`, decoded to a {@link Secret}. A file must not be readable by others;
 * the line break at its end is not part of the secret.
 */
export function secret() {
  return z
    .union(
      [
        z.strictObject({ file: z.string().startsWith('/', 'must be an absolute path') }),
        z.strictObject({
          env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of an environment variable'),
        }),
      ],
      'is a secret, which is named, not written here: write { file: /path } or { env: NAME }',
    )
    .transform((from, context) => {
      const read = 'file' in from ? readSecretFile(from.file) : readVariable(from.env);
      if (read.problem === undefined) return new Secret(read.value);
      context.addIssue({ code: 'custom', message: read.problem });
      return z.NEVER;
    });
}

type Read = { readonly value: string; readonly problem?: undefined } | { readonly problem: string };

function readSecretFile(path: string): Read {
  try {
    const { mode, size } = statSync(path);
    if ((mode & 0o007) !== 0) return { problem: `${path} may be read by everybody: chmod o-rwx it` };
    if (size > fileBytesMax) return { problem: `${path} has more than ${fileBytesMax} bytes` };
    const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return value === '' ? { problem: `${path} is empty` } : { value };
  } catch (error) {
    return {
      problem: `${path} cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown'})`,
    };
  }
}

function readVariable(name: string): Read {
  const value = process.env[name];
  return value === undefined || value === ''
    ? { problem: `the environment variable ${name} is not set` }
    : { value };
}
