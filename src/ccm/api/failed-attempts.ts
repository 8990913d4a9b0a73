// How many wrong tokens an address may try. Right tokens always pass: they cannot be guessed, and nobody can lock others out.

import { isIPv6 } from 'node:net';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { TreecastError } from '../../model/treecast-error.ts';

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

/** An IPv6 subscriber has a /64: its addresses count as one. */
function networkOf(address = ''): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1]) return mapped[1];
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%', 1).join('').split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = Math.max(0, 8 - groups.length - after.length);
  return [...groups, ...Array.from({ length: missing }, () => '0'), ...after].slice(0, 4).join(':');
}
