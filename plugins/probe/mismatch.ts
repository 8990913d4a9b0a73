// What a check has to say when it did not pass.

export interface Mismatch {
  readonly expected: string;
  readonly came: string;
}
