// Keeps a session's sockets on the interface that the segment station uses: closes them when that has gone, opens them when one is there. Half a second
// late at most; frames of that time are lost, and repaired like others.

import type { Clock } from '../../clock.ts';
import { isStillThere, type LocalInterface } from '../../segment/channel/local-interfaces.ts';

export interface InterfaceWatch {
  isUp(): boolean;
  /** Something failed that may be the interface's end. */
  look(): void;
  close(): Promise<void>;
}

export interface InterfaceWatchOptions {
  readonly interface: () => LocalInterface | null;
  readonly clock: Clock;
  readonly open: (local: LocalInterface) => Promise<void>;
  readonly shut: () => void;
  readonly onChanged: (isUp: boolean, sentence: string) => void;
}

const lookEveryMs = 500;

/** Resolves when the sockets are open; rejects when they cannot be, or there is no interface. */
export async function watchInterface(options: InterfaceWatchOptions): Promise<InterfaceWatch> {
  const { clock, open, shut, onChanged } = options;
  let current = options.interface();
  if (current === null) throw new Error('there is no network interface');
  await open(current);
  let isClosed = false;
  let working: Promise<void> | undefined;
  let cancel = clock.after(lookEveryMs, again);

  async function change(): Promise<void> {
    if (current !== null && !isThere(current)) {
      shut();
      onChanged(false, `${current.name} (${current.address}) is down, or its address has gone.`);
      current = null;
    }
    const next = current === null ? options.interface() : null;
    if (next === null || !isStillThere(next)) return;
    try {
      await open(next);
    } catch {
      // The address may be there before the network is: it is looked at again.
      shut();
      return;
    }
    if (isClosed) return shut();
    current = next;
    onChanged(true, `${next.name} (${next.address}) is up.`);
  }

  function isThere(local: LocalInterface): boolean {
    const chosen = options.interface();
    return chosen?.address === local.address && isStillThere(local);
  }

  function look(): void {
    if (isClosed) return;
    working ??= change().finally(() => {
      working = undefined;
    });
  }

  function again(): void {
    look();
    cancel = clock.after(lookEveryMs, again);
  }

  return {
    isUp: () => current !== null,
    look,
    async close() {
      isClosed = true;
      cancel();
      await working;
      shut();
    },
  };
}
