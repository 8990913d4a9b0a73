// The failpoints there are, read from the source: every call with its literal name. Judges nothing.

import { type SourceFile, sourceFiles } from '../tidy/source-files.ts';

export interface FailpointCall {
  /** Undefined when it is no literal. */
  readonly name: string | undefined;
  readonly path: string;
}

export const namePattern = /^(?:agent|ccm|file|plugin)(?:\.[a-z]+(?:-[a-z]+)*){1,2}$/;

export function failpointsInSource(files: readonly SourceFile[] = sourceFiles()): FailpointCall[] {
  return files
    .filter(({ path }) => path.startsWith('src/') && path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .filter(({ path }) => path !== 'src/faults/failpoint.ts')
    .flatMap(({ path, text }) =>
      [...text.matchAll(/\bfailpoint\((?:'([^']*)'\))?/g)].map(([, name]) => ({ name, path })),
    );
}
