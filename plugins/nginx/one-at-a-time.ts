// One piece of work at a time for each name, in this process: nginx's configuration is one, however many instances of the plugin change it.

const last = new Map<string, Promise<unknown>>();

/** Runs `work` when everything asked for before under this name has ended, well or not. */
export async function oneAtATime<T>(name: string, work: () => Promise<T>): Promise<T> {
  const mine = (last.get(name) ?? Promise.resolve()).then(work, work);
  last.set(name, mine);
  try {
    return await mine;
  } finally {
    if (last.get(name) === mine) last.delete(name);
  }
}
