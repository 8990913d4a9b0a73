// For tests: does a thrown error carry this code, and does it say what to do?

import assert from 'node:assert/strict';
import type { ErrorCode } from '../../../model/error-codes.ts';
import { TreecastError } from '../../../model/treecast-error.ts';

export function hasCode(code: ErrorCode): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof TreecastError, `not a TreecastError: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    assert.ok(error.fix, `${code} says what to do`);
    return true;
  };
}
