// Turns events into owed tasks and carries these out: one at a time within a lane (plugin, hook, site, pass), lanes side by side, what failed
// again later. A crash loses nothing: a task is owed until its hook has succeeded; hooks may be called twice.

import { failpoint } from '../../faults/failpoint.ts';
import type { EventResource } from '../../model/api.ts';
import { TreecastError, toWireError, type WireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import { type HookName, hookRow } from '../../plugins/api/hook-table.ts';
import type { HookRun, PluginSet } from '../../plugins/host/plugin-set.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import type { EventLog } from '../registry/event-log.ts';
import type { SettingRegistry } from '../registry/setting-registry.ts';
import type { PluginTasks, Task } from './plugin-tasks.ts';
import { tasksOfEvent } from './tasks-of-event.ts';

export interface TaskRunnerOptions {
  readonly database: CcmDatabase;
  readonly events: EventLog;
  readonly settings: SettingRegistry;
  readonly tasks: PluginTasks;
  readonly plugins: PluginSet;
  readonly clock: Clock;
  /** Runs the task's hook; undefined when its plugin is no longer there. */
  readonly call: (task: Task) => Promise<HookRun | undefined>;
  readonly onBug: (error: unknown) => void;
}

export interface TaskRunner {
  /** Looks for due tasks soon. */
  wake(): void;
  close(): Promise<void>;
}

const pageEvents = 500;
const retryMs = { first: 1_000, most: 300_000 };
/** What caches are owed stays owed; anything else is given up after about an hour. */
const attemptsMax: Readonly<Partial<Record<HookName, number>>> = { invalidate: Number.POSITIVE_INFINITY };
const attemptsMaxDefault = 20;
const keptMs = 7 * 86_400_000;
const passesMax = 2;
const setting = { cursor: 'plugins.event', since: 'plugins.since' } as const;
const taskHooks: readonly HookName[] = ['invalidate', 'warm', 'reindex', 'notify'];

export function createTaskRunner(options: TaskRunnerOptions): TaskRunner {
  const { database, events, settings, tasks, plugins, clock, call } = options;
  const { now } = clock;
  const busy = new Map<string, Promise<void>>();
  let cancelTimer: (() => void) | undefined;
  const pauses = new Set<() => void>();
  let scheduled = false;
  let closed = false;

  const concerned = plugins.instances.filter(({ hooks }) => hooks.some((hook) => taskHooks.includes(hook)));
  const since = rememberSince();

  /** An instance hears of what happens after it was first configured. */
  function rememberSince(): ReadonlyMap<string, number> {
    const newest = events.newestId();
    const before = JSON.parse(settings.get(setting.since) ?? '{}') as Record<string, number>;
    const after = Object.fromEntries(concerned.map(({ name }) => [name, before[name] ?? newest]));
    settings.set(setting.since, JSON.stringify(after));
    if (concerned.length === 0 || settings.get(setting.cursor) === undefined)
      settings.set(setting.cursor, String(newest));
    return new Map(Object.entries(after));
  }

  function dispatch(): void {
    for (;;) {
      const cursor = Number(settings.get(setting.cursor) ?? events.newestId());
      const page = events.page({ after: cursor, limit: pageEvents });
      const last = page.at(-1);
      if (last === undefined) return;
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.tasks.owed'));
        for (const event of page)
          for (const task of tasksOfEvent(event, withHook(event), isGated)) tasks.add(task);
        settings.set(setting.cursor, String(last.id));
      });
    }
  }

  const isGated = (site: string): boolean => plugins.has('drain', site);

  function withHook(event: EventResource) {
    return (hook: HookName, site: string): string[] =>
      concerned
        .filter(
          ({ name, hooks, sites }) =>
            hooks.includes(hook) &&
            (sites === null || sites.includes(site)) &&
            event.id > (since.get(name) ?? 0),
        )
        .map(({ name }) => name);
  }

  function startDue(): void {
    // One moment for both questions: what falls due between two would be looked for by nobody.
    const at = now();
    for (const task of tasks.due(at)) {
      const lane = laneOf(task);
      if (busy.has(lane)) continue;
      busy.set(
        lane,
        carryOut(task)
          .catch(failed)
          .finally(() => ended(lane)),
      );
    }
    cancelTimer?.();
    const next = tasks.nextDueAfter(at);
    if (next !== null) cancelTimer = clock.after(Math.max(0, next - now()), wake);
  }

  /** How it went could not be written: it is owed as it was, and its hook is not called again without a pause. */
  function failed(error: unknown): Promise<void> {
    options.onBug(error);
    return new Promise((resolve) => {
      const cancel = clock.after(retryMs.first, proceed);
      pauses.add(proceed);
      function proceed(): void {
        cancel();
        pauses.delete(proceed);
        resolve();
      }
    });
  }

  function ended(lane: string): void {
    busy.delete(lane);
    wake();
  }

  async function carryOut(task: Task): Promise<void> {
    let run: HookRun | undefined;
    let error: WireError | null;
    let retryable = true;
    try {
      run = await call(task);
      error = run === undefined ? goneError(task) : run.error;
      retryable = run?.retryable ?? false;
    } catch (cause) {
      error = toWireError(cause);
      // A site that was removed, or a task that cannot be understood: neither comes back.
      retryable = error.code !== 'NOT_FOUND' && cause instanceof TreecastError;
    }
    // What was interrupted by closing is still owed, as it was.
    if (closed && error !== null) return;
    if (error === null) succeeded(task, run);
    else if (retryable && mayRetry(task)) postpone(task, error);
    else giveUp(task, error);
  }

  function succeeded(task: Task, run: HookRun | undefined): void {
    const { plugin, hook, site, job, payload, pass } = task;
    const again = run?.answer?.againAfterMs;
    database.transaction(() => {
      database.afterCommit(() => failpoint('ccm.tasks.done'));
      tasks.done(task.id, run?.answer?.note ?? null);
      const follow = { plugin, site, job, payload };
      if (again !== undefined && pass < passesMax)
        tasks.add({ ...follow, hook, pass: pass + 1, notBefore: now() + again });
      if (hook === 'invalidate' && pass === 1 && hasHook(plugin, 'warm'))
        tasks.add({ ...follow, hook: 'warm' });
      if (hook === 'invalidate' && job !== null && tasks.undoneOfJob(job, hook) === 0)
        events.append({
          actor: 'plugins',
          kind: 'caches.clean',
          site,
          job,
          data: { release: payload['release'] },
        });
      tasks.forget(now() - keptMs);
    });
  }

  function postpone(task: Task, error: WireError): void {
    const delayMs = Math.min(retryMs.first * 2 ** task.attempts, retryMs.most);
    database.transaction(() => {
      database.afterCommit(() => failpoint('ccm.tasks.postponed'));
      tasks.postpone(task.id, now() + delayMs, error);
      if (task.attempts === 0) append('plugin.owed', task, error);
    });
  }

  function giveUp(task: Task, error: WireError): void {
    database.transaction(() => {
      database.afterCommit(() => failpoint('ccm.tasks.given-up'));
      tasks.failed(task.id, error);
      append('plugin.failed', task, error);
    });
  }

  function append(kind: string, { plugin, hook, site, job }: Task, error: WireError): void {
    events.append({
      actor: plugin,
      kind,
      site,
      ...(job === null ? {} : { job }),
      data: { plugin, hook, error },
    });
  }

  function hasHook(plugin: string, hook: HookName): boolean {
    return concerned.some(({ name, hooks }) => name === plugin && hooks.includes(hook));
  }

  function wake(): void {
    if (scheduled || closed) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (closed) return;
      try {
        dispatch();
        startDue();
      } catch (error) {
        options.onBug(error);
        cancelTimer?.();
        cancelTimer = clock.after(retryMs.first, wake);
      }
    });
  }

  const unsubscribe = concerned.length === 0 ? () => undefined : events.subscribe(wake);
  // Also without plugins: what one that was taken out still owed is given up.
  wake();

  return {
    wake,
    async close() {
      closed = true;
      unsubscribe();
      cancelTimer?.();
      for (const proceed of pauses) proceed();
      await Promise.all(busy.values());
    },
  };
}

function laneOf({ plugin, hook, site, pass }: Task): string {
  return `${plugin} ${hook} ${site} ${pass}`;
}

function mayRetry({ hook, attempts }: Task): boolean {
  const name = hook as HookName;
  return hookRow(name).onFailure === 'retry' && attempts + 1 < (attemptsMax[name] ?? attemptsMaxDefault);
}

function goneError({ plugin, hook }: Task): WireError {
  return toWireError(
    new TreecastError('NOT_FOUND', `the plugin ${plugin}, or its hook ${hook}, is no longer configured`, {
      fix: 'Configure it again before the next publish, or ignore this: the task is given up.',
    }),
  );
}
