// Frames on their way out, in order, at most so many in one turn of the event loop, so that a broadcast to a thousand
// agents does not hold up what arrives meanwhile.

const framesPerTurn = 100;

export interface Outbox {
  /** Runs `send` now, or in a later turn; never before one that was pushed earlier. */
  push(send: () => void): void;
}

export function createOutbox(): Outbox {
  const queue: (() => void)[] = [];
  let sentInTurn = 0;
  let scheduled = false;

  function nextTurn(): void {
    scheduled = false;
    sentInTurn = 0;
    for (const send of queue.splice(0, framesPerTurn)) {
      sentInTurn += 1;
      send();
    }
    if (queue.length > 0) schedule();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(nextTurn);
  }

  return {
    push(send) {
      if (queue.length > 0 || sentInTurn >= framesPerTurn) {
        queue.push(send);
      } else {
        sentInTurn += 1;
        send();
      }
      schedule();
    },
  };
}
