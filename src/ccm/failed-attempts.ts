// How many wrong tokens an address may try. Right tokens always pass: they cannot be guessed, and nobody can lock others out. So callers ask
// this only after a token was found wrong.

import { RateLimiterMemory } from 'rate-limiter-flexible';
import { TreecastError } from '../model/treecast-error.ts';
import { networkOf } from '../net/http/network-of.ts';

export interface FailedAttempts {
  /** Counts one. Throws RATE_LIMITED when there were too many. */
  count(address: string | undefined): Promise<void>;
}

export interface FailedAttemptsOptions {
  /** Per address and minute. */
  readonly attemptsMax?: number;
}

const windowSeconds = 60;

export function createFailedAttempts(options: FailedAttemptsOptions = {}): FailedAttempts {
  const limiter = new RateLimiterMemory({ points: options.attemptsMax ?? 20, duration: windowSeconds });
  return {
    async count(address) {
      try {
        await limiter.consume(networkOf(address));
      } catch (cause) {
        if (cause instanceof Error) throw cause;
        throw new TreecastError('RATE_LIMITED', 'Too many wrong tokens from this address.', {
          fix: `Check the token, and try again in ${windowSeconds} s.`,
          data: { retryAfterSeconds: windowSeconds },
        });
      }
    },
  };
}
