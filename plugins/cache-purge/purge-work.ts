// The contract between the plugin and a kind of cache: what is to be forgotten, the calls that do it, how a call fails.
// What to purge is decided elsewhere (`urlsOfChanges`); when and how often calls are tried, by `run-steps.ts`.

/** What one site's change makes stale. */
export interface PurgeWork {
  readonly site: string;
  /** Absolute, as browsers ask. */
  readonly urls: readonly string[];
  /** Whatever is cached as missing is stale. */
  readonly missing: boolean;
  /** Everything under the origins, below the prefix, is stale; then `urls` is empty. */
  readonly everything: boolean;
  readonly origins: readonly string[];
  /** Where the site is mounted; `/` is all of an origin. */
  readonly prefix: string;
  /** Combinations of request headers that caches keep apart; `[{}]` when there is none. */
  readonly variants: readonly Readonly<Record<string, string>>[];
}

/** Items of work that are no URL, as they are remembered. */
export const everythingItem = '*';
export const missingItem = '404';

/** One call of a cache. Repeating it does no harm. */
export interface PurgeStep {
  /** URLs and items that are done when it succeeded. */
  readonly settles: readonly string[];
  /** Answers which URLs the cache was found to hold; undefined when it does not say. Throws a CallFailure. */
  run(signal: AbortSignal): Promise<readonly string[] | undefined>;
}

/** How objects are asked for through a cache: for read-back and warm-up. */
export interface CacheAnswer {
  readonly status: number;
  header(name: string): string | undefined;
}

export interface Cache {
  readonly name: string;
  /** Machines or services that each hold objects of their own. */
  readonly targets: readonly string[];
  /** Throws a PluginError when this kind cannot forget such work at all. */
  steps(target: string, work: PurgeWork): PurgeStep[];
  /** Null when nothing can be asked through it. */
  readonly fetch:
    | ((
        target: string,
        url: string,
        headers: Readonly<Record<string, string>>,
        signal: AbortSignal,
      ) => Promise<CacheAnswer>)
    | null;
  close(): void;
}

/**
 * `unreachable`: no answer; `busy`: answered 429 or 5xx; both are tried again. `denied`: it lets nobody in like this (401, 403, 405);
 * `refused`: this very call can never succeed.
 */
export type CallFailureKind = 'unreachable' | 'busy' | 'denied' | 'refused';

export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  readonly kind: CallFailureKind;
  /** As the cache asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: CallFailureKind, message: string, retryAfterMs?: number) {
    super(message);
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}
