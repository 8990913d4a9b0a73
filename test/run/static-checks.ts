// The checks that read the source without running it, as data: what they are called and which program decides.
// Biome judges format and style, oxlint what needs types, knip what nobody uses; own rules are tests in test/tidy.

export interface StaticCheck {
  readonly name: string;
  /** Program and arguments, run in the repository's root; exit code 0 means passed. */
  readonly command: readonly [string, ...string[]];
  /** What to try when it fails. */
  readonly fix: string;
}

export const staticChecks: readonly StaticCheck[] = [
  { name: 'types', command: ['tsc', '-p', '.', '--pretty'], fix: 'mend the types' },
  {
    name: 'format and lint',
    command: ['biome', 'ci', '--colors=off', '--diagnostic-level=warn', '--error-on-warnings', '.'],
    fix: 'npx biome check --write . mends most of it',
  },
  { name: 'lint with types', command: ['oxlint'], fix: 'mend what it names, or see .oxlintrc.json' },
  {
    name: 'nothing unused',
    command: ['knip', '--no-progress', '--no-config-hints'],
    fix: 'remove the file, export or dependency that nobody uses',
  },
];
