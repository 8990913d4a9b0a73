// Waits for a condition that another party brings about, asking again each turn of the event loop, up to a bound.

const boundMs = 8_000;

export async function eventually(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = Date.now() + boundMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
