// What members say goes up in bundles (LEAD-26): in the order in which it came, after a short wait for more, and at once when somebody has reason to.

import type { LeaderAgentMessage, SignedFrame } from '../../model/leader-messages.ts';
import type { Clock } from '../../net/clock.ts';

export interface FrameCarrier {
  carry(frame: SignedFrame): void;
  /** Now: whatever is said next comes behind it. */
  flush(): void;
  /** What waits is of a session that has ended. */
  clear(): void;
}

export const bundleDelayMs = 25;
/** Of a frame of the leader's link, half. */
export const bundleBytesMax = 524_288;
const framesMax = 4_096;
/** A frame's names and marks, and what escaping its text adds, are counted by this much at least. */
const frameOverheadBytes = 400;

export function createFrameCarrier(options: {
  readonly send: (message: LeaderAgentMessage) => void;
  readonly clock: Clock;
}): FrameCarrier {
  let waiting: SignedFrame[] = [];
  let bytes = 0;
  let cancel: (() => void) | undefined;

  function clear(): void {
    cancel?.();
    cancel = undefined;
    waiting = [];
    bytes = 0;
  }

  function flush(): void {
    const frames = waiting;
    clear();
    if (frames.length > 0) options.send({ type: 'relayed', frames });
  }

  return {
    carry(frame) {
      const size = Buffer.byteLength(JSON.stringify(frame.text)) + frameOverheadBytes;
      if (bytes + size > bundleBytesMax || waiting.length >= framesMax) flush();
      waiting.push(frame);
      bytes += size;
      cancel ??= options.clock.after(bundleDelayMs, flush);
    },
    flush,
    clear,
  };
}
