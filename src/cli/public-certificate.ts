// The operator's certificate and key for the public port: read from the files that ccm.yaml names. Whether they fit is the server's to find.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TreecastError } from '../model/treecast-error.ts';
import type { CcmConfiguration } from './ccm-configuration.ts';

/** PEM texts; relative paths are taken from the state directory. Throws INVALID_CONFIGURATION. */
export async function readPublicCertificate(
  directory: string,
  files: NonNullable<CcmConfiguration['tls']>,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const read = async (name: 'certificate' | 'key'): Promise<string> => {
    const path = resolve(directory, files[name]);
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no text';
      throw new TreecastError(
        'INVALID_CONFIGURATION',
        `tls.${name} of the public port: ${path} cannot be read (${code}).`,
        { cause, fix: 'Correct the path in ccm.yaml, or let the user of the CCM read the file.' },
      );
    }
  };
  return { certificate: await read('certificate'), key: await read('key') };
}
