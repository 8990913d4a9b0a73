// Lets sockets have the buffers that both sides ask for, as docs/operating.md advises; gives back what was set before.

import { readFile, writeFile } from 'node:fs/promises';

const wantedBytes = 26_214_400;

export async function allowLargeBuffers(): Promise<() => Promise<void>> {
  const settings = ['rmem_max', 'wmem_max'].map((name) => `/proc/sys/net/core/${name}`);
  const before = await Promise.all(settings.map((path) => readFile(path, 'utf8')));
  for (const [index, path] of settings.entries())
    if (Number(before[index]) < wantedBytes) await writeFile(path, String(wantedBytes));
  return async () => {
    for (const [index, path] of settings.entries()) await writeFile(path, before[index] as string);
  };
}
