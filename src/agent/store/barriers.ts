// How a sync is made: on a quick disk in place, because handing it to another thread and back costs more than the sync itself,
// on a slow one in another thread, so that the event loop goes on. Decides by how long the last one took.

type SyncCall = (fd: number) => void;
type AsyncCall = (fd: number, callback: (error: Error | null) => void) => void;

export interface Barriers {
  /** `beside`: in another thread whatever the disk is like. */
  run(fd: number, beside: boolean, inPlace: SyncCall, elsewhere: AsyncCall): Promise<void>;
}

/** A sync that took longer makes the next ones run in another thread, */
const slowMs = 12;
/** until one took less than this. */
const quickMs = 6;

export function createBarriers(): Barriers {
  let isSlow = false;
  return {
    async run(fd, beside, inPlace, elsewhere) {
      const began = performance.now();
      if (beside || isSlow) {
        await new Promise<void>((resolve, reject) => {
          elsewhere(fd, (error) => (error ? reject(error) : resolve()));
        });
        if (!beside && performance.now() - began < quickMs) isSlow = false;
      } else {
        inPlace(fd);
        isSlow = performance.now() - began > slowMs;
      }
    },
  };
}
