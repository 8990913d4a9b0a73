// `--with-parent`: an agent that was started as a child goes when its parent goes, however that ended.

import type { Readable } from 'node:stream';

/** Calls back once, when the other end of `input` (a pipe from the parent) is closed. What is sent on it is ignored. */
export function watchParent(input: Readable, onGone: () => void): void {
  let gone = false;
  const go = (): void => {
    if (gone) return;
    gone = true;
    onGone();
  };
  input.once('end', go);
  input.once('close', go);
  input.once('error', go);
  input.resume();
}
