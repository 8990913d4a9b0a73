import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { runHook } from './run-hook.ts';

test('a hook that has ended leaves nothing behind on its signal, however long the host runs', async () => {
  const nothing = (): void => undefined;
  const signals: AbortSignal[] = [];
  const target = {
    plugin: 'a-plugin',
    hook: 'notify',
    call: (_: unknown, { signal }: { readonly signal: AbortSignal }) => void signals.push(signal),
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    timeoutMs: 60_000,
  } as const;
  const { signal } = new AbortController();
  await runHook(target, {} as never, { signal, dryRun: false });
  assert.deepEqual(
    signals.map((each) => getEventListeners(each, 'abort').length),
    [0],
  );
});
