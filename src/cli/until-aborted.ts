// What services wait for: being told to stop, or their parent going away.

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((settle) => {
    if (signal.aborted) settle();
    else signal.addEventListener('abort', () => settle(), { once: true });
  });
}

/** What comes in is thrown away; the end of it is the news. */
export function untilEnded(input: NodeJS.ReadableStream): Promise<void> {
  return new Promise((settle) => {
    for (const event of ['end', 'close', 'error']) input.once(event, () => settle());
    input.resume();
  });
}
