// The closed set of error codes. Each is listed in docs/errors.md (a test compares the two).
// `kind`: a `user` error is the caller's to mend (exit code, HTTP 4xx); an `operating` error is the system's, handled and retried.

type ErrorKind = 'user' | 'operating';

interface ErrorCodeFacts {
  readonly kind: ErrorKind;
  /** HTTP status when this error ends a request. */
  readonly http: number;
}

const user = (http = 400): ErrorCodeFacts => ({ kind: 'user', http });
const operating = (http = 503): ErrorCodeFacts => ({ kind: 'operating', http });

export const errorCodes = {
  // Who is asking
  UNAUTHENTICATED: user(401),
  FORBIDDEN: user(403),
  RATE_LIMITED: user(429),
  JOIN_TOKEN_INVALID: user(403),
  CA_FINGERPRINT_MISMATCH: user(403),
  CERTIFICATE_INVALID: user(403),
  CERTIFICATE_EXPIRED: user(403),
  NODE_REMOVED: user(403),
  // What was asked
  INVALID_INPUT: user(400),
  INVALID_CONFIGURATION: user(400),
  NOT_FOUND: user(404),
  ALREADY_EXISTS: user(409),
  CONFLICT: user(409),
  STATE_DIRECTORY_LOCKED: user(409),
  CCM_UNREACHABLE: operating(503),
  METHOD_NOT_ALLOWED: user(405),
  REQUEST_TOO_LARGE: user(413),
  // What was pushed
  PUSH_REFUSED: user(403),
  SYMLINK_ESCAPES: user(422),
  PATH_FORBIDDEN: user(422),
  PATH_NOT_UTF8: user(422),
  NAME_CLASH: user(422),
  LFS_POINTER: user(422),
  FILE_TOO_LARGE: user(422),
  SUBMODULE: user(422),
  MASS_DELETE: user(422),
  BRANCH_DELETION: user(422),
  REF_UNKNOWN: user(422),
  // What became of a job
  NO_QUORUM: operating(503),
  NO_MEMBERS: operating(503),
  SUPERSEDED: operating(409),
  ABORTED: operating(409),
  NOTHING_TO_ROLL_BACK: user(409),
  NODE_LOST: operating(503),
  HISTORY_LOST: operating(409),
  DEFERRED: operating(503),
  // The assignment container
  ASSIGNMENT_MALFORMED: operating(422),
  ASSIGNMENT_TOO_LARGE: operating(413),
  ASSIGNMENT_SIGNATURE_INVALID: operating(422),
  ASSIGNMENT_BLOCK_CORRUPT: operating(422),
  ASSIGNMENT_KEY_UNKNOWN: operating(422),
  ASSIGNMENT_PROFILE_UNKNOWN: operating(422),
  // Staging and switching on a node
  BASE_MISMATCH: operating(409),
  RELEASE_OUTDATED: operating(409),
  SPACE_INSUFFICIENT: operating(507),
  DISK_FAILED: operating(500),
  OWNER_UNAVAILABLE: operating(409),
  STAGE_FAILED: operating(500),
  SWITCH_FAILED: operating(500),
  TREE_MISMATCH: operating(500),
  CONTENT_DRIFT: operating(500),
  STATE_CORRUPT: operating(500),
  DATABASE_UNAVAILABLE: operating(503),
  // Plugins
  PLUGIN_INVALID: user(400),
  PLUGIN_FAILED: operating(502),
  PROBE_FAILED: operating(502),
  DRAIN_FAILED: operating(502),
  // Messages
  PROTOCOL_VERSION: operating(426),
  MESSAGE_INVALID: operating(400),
  TICKET_INVALID: operating(403),
  DECISION_INVALID: operating(403),
  RECEIPT_INVALID: operating(403),
  RELEASE_KEY_UNKNOWN: operating(403),
  // Git
  GIT_FAILED: operating(500),
  BUG: operating(500),
} as const satisfies Record<string, ErrorCodeFacts>;

export type ErrorCode = keyof typeof errorCodes;
