// Tasks one after another. A task that finds the queue idle starts at once, in the same turn of the event loop.

export interface TaskQueue {
  push(task: () => Promise<void>): void;
  isIdle(): boolean;
  /** Resolves when everything pushed so far has run. */
  idle(): Promise<void>;
}

export interface TaskQueueOptions {
  /** A task threw; the next one runs all the same. */
  readonly onError: (error: unknown) => void;
  /** The last task has run. */
  readonly onIdle: () => void;
}

export function createTaskQueue({ onError, onIdle }: TaskQueueOptions): TaskQueue {
  const tasks: (() => Promise<void>)[] = [];
  let isDraining = false;
  let drained: Promise<void> = Promise.resolve();

  async function drain(): Promise<void> {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      try {
        await task();
      } catch (error) {
        onError(error);
      }
    }
    isDraining = false;
    onIdle();
  }

  return {
    push(task) {
      tasks.push(task);
      if (isDraining) return;
      isDraining = true;
      drained = drain();
    },
    isIdle: () => !isDraining,
    async idle() {
      while (isDraining) await drained;
    },
  };
}
