// What the Git endpoint asks of the CCM. The endpoint receives packs and speaks HTTP; it decides nothing itself.

import type { ObjectId } from '../model/tree.ts';

export interface RefUpdate {
  readonly ref: string;
  /** All zeros for a new ref. */
  readonly before: ObjectId;
  /** All zeros for a deletion. */
  readonly after: ObjectId;
}

/** Who authenticated, as the authority names it. */
export interface Author {
  /** Name of the token; for people. */
  readonly author: string;
  /** What the authority knows the token by; handed back to it with the push. */
  readonly authorId: string;
}

export interface Push extends Author {
  /** Unique for this push; in logs and job records. */
  readonly id: string;
  readonly repository: string;
  /** `git push -o` options, as sent. */
  readonly options: readonly string[];
  readonly updates: readonly RefUpdate[];
}

/** In pre-receive: the objects are in quarantine; a reader must be given these in its environment. */
export interface Quarantine {
  readonly objectDirectory: string;
  readonly alternates: string;
}

export interface PushAuthority {
  /**
   * May this basic-auth password read or write that repository? Throws UNAUTHENTICATED (wrong or revoked token), FORBIDDEN,
   * NOT_FOUND (no such repository; only told to those who authenticated).
   */
  authorize(
    credentials: { readonly user: string; readonly password: string },
    repository: string,
    access: 'read' | 'write',
  ): Promise<Author>;
  /** Before any ref moves. A refusal's lines reach the pusher as `remote: …`, and no ref moves. */
  beforeRefs(
    push: Push,
    quarantine: Quarantine,
  ): Promise<{ readonly accepted: true } | { readonly accepted: false; readonly lines: readonly string[] }>;
  /**
   * After git reported its result; `updates` are those whose ref moved. Yields lines for the pusher's terminal (without `remote: `)
   * until there is nothing more to wait for. When the pusher goes away the endpoint calls `return()`; that cancels nothing.
   */
  afterRefs(push: Push): AsyncIterable<string>;
}
