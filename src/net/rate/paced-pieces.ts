// Bytes in the pieces in which a limit lets them through: whole where nothing is limited, small ones where it is, so that no pause is long.

import type { Pace } from './pacer.ts';

const pieceBytes = 4_096;

/** What may go at once comes as one piece. */
export async function* pacedPieces(bytes: Uint8Array, pace: Pace): AsyncGenerator<Uint8Array, void, void> {
  let from = 0;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const turn = pace(Math.min(pieceBytes, bytes.length - at));
    if (turn === undefined) continue;
    if (at > from) yield bytes.subarray(from, at);
    from = at;
    await turn;
  }
  if (from < bytes.length) yield bytes.subarray(from);
}
