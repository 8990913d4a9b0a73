// LINK-6: says when a peer has been silent for too many ticks. It counts ticks and not time, so that a pause of this
// process, after which timers run before sockets are read, is one tick and no false alarm (N38).

export interface SilenceWatch {
  /** Anything was received. */
  heard(): void;
  /** True when the peer counts as gone. */
  tick(): boolean;
}

export function createSilenceWatch(silentTicksMax: number): SilenceWatch {
  let silentTicks = 0;
  return {
    heard() {
      silentTicks = 0;
    },
    tick() {
      silentTicks += 1;
      return silentTicks > silentTicksMax;
    },
  };
}
