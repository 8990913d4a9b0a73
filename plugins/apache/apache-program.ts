// Apache as a program: is its configuration right, does it run, and has it taken a configuration over. It writes no file.

import { readFile, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { type Exec, PluginError } from 'treecast/plugin';
import type { ApacheConfig } from './apache-config.ts';
import { type DirectivePermits, readDirectivePermits } from './directive-permits.ts';
import { generationOf, takesConnections } from './old-workers.ts';

export interface ApacheFacts {
  /** Every file that the configuration consists of, absolute. */
  readonly included: readonly string[];
  readonly pidFile: string | null;
  readonly serverRoot: string;
}

export type Reloaded = 'reloaded' | 'not running';

export interface ApacheProgram {
  /** Throws with Apache's own words when it refuses its configuration. */
  test(signal: AbortSignal, more?: readonly string[]): Promise<ApacheFacts>;
  /** What it lists about the directives of the modules that its configuration loads. */
  permits(signal: AbortSignal): Promise<DirectivePermits>;
  /** Resolves when Apache serves by the configuration on disk; throws when it does not in time, or has ended. */
  reload(facts: ApacheFacts, signal: AbortSignal): Promise<Reloaded>;
  /** Milliseconds since 1970: when the running Apache read its configuration; null when none runs. */
  readAt(facts: ApacheFacts): Promise<number | null>;
}

const waitMs = 30;
const messageCharactersMax = 2_000;

export function createApacheProgram(
  exec: Exec,
  { program, arguments: args, reload, reloadSeconds }: ApacheConfig,
): ApacheProgram {
  const apache = (more: readonly string[], signal: AbortSignal) =>
    exec(program, [...args, ...more], { signal, timeoutMs: 60_000 });

  async function tellReload(signal: AbortSignal): Promise<void> {
    const { code, stdout, stderr } =
      reload === undefined
        ? await apache(['-k', 'graceful'], signal)
        : await exec(reload.program, reload.args, { signal, timeoutMs: 60_000 });
    if (code !== 0)
      throw new PluginError(`Apache could not be reloaded: ${saidBy(stdout, stderr)}`, {
        fix: 'Look at Apache’s error log, and whether the agent’s user may reload it (`reload`).',
      });
  }

  return {
    async test(signal, more = []) {
      const dumps = ['-t', '-D', 'DUMP_INCLUDES', '-D', 'DUMP_RUN_CFG'];
      const { code, stdout, stderr } = await apache([...more, ...dumps], signal);
      if (code === 0) return readFacts(stdout);
      const said = saidBy(stdout, stderr);
      throw new PluginError(`Apache refuses its configuration: ${said}`, {
        fix: /Invalid command '(?:Rewrite|Header|SSL)/.test(said)
          ? 'Enable the module that has this directive (Debian: a2enmod rewrite headers ssl), or leave out the option that needs it.'
          : 'Correct the configuration it names; the former one is still in use.',
      });
    },

    async permits(signal) {
      const { code, stdout, stderr } = await apache(['-L'], signal);
      const permits = readDirectivePermits(stdout);
      if (code === 0 && permits.size > 0) return permits;
      throw new PluginError(`Apache does not list its directives (-L): ${saidBy('', stderr)}`, {
        fix: 'Correct its configuration, or name as `program` one that passes -L on, such as apachectl or httpd.',
      });
    },

    async readAt({ pidFile }) {
      return (await runningPid(pidFile)) === null ? null : ((await writtenAt(pidFile))?.atMs ?? null);
    },

    async reload({ pidFile }, signal) {
      // With nothing running, `-k graceful` would start Apache.
      const pid = await runningPid(pidFile);
      if (pid === null) return 'not running';
      const [before, former] = [await writtenAt(pidFile), await generationOf(pid)];
      await tellReload(signal);
      // Apache writes its pid file anew whenever it begins to serve by a configuration that it has read and found good.
      const until = performance.now() + reloadSeconds * 1000;
      while ((await writtenAt(pidFile))?.id === before?.id) {
        if ((await runningPid(pidFile)) === null)
          throw new PluginError('Apache ended while it reloaded its configuration', {
            fix: 'Look at its error log, then start it: what a test cannot find, such as a log file that cannot be opened, ends it.',
          });
        if (performance.now() > until)
          throw new PluginError(`Apache has not taken the configuration over within ${reloadSeconds} s`, {
            fix: 'Look at its error log, or raise `reloadSeconds`.',
          });
        await pause(signal);
      }
      while (await takesConnections(former)) {
        // A download that takes long, of a worker that cannot be looked into: it ends when it ends.
        if (performance.now() > until) break;
        await pause(signal);
      }
      return 'reloaded';
    },
  };
}

/** Of `-t -D DUMP_INCLUDES -D DUMP_RUN_CFG`; what it does not find it leaves out. */
export function readFacts(stdout: string): ApacheFacts {
  const included = [...stdout.matchAll(/^ +\((?:\*|\d+)\) (\/.+)$/gm)].map((match) => match[1] ?? '');
  return {
    included: [...new Set(included)],
    pidFile: /^PidFile: "(.+)"$/m.exec(stdout)?.[1] ?? null,
    serverRoot: /^ServerRoot: "(.+)"$/m.exec(stdout)?.[1] ?? '/',
  };
}

async function runningPid(pidFile: string | null): Promise<number | null> {
  if (pidFile === null) return null;
  const text = (await readFile(pidFile, 'latin1').catch(() => '')).slice(0, 20).trim();
  const pid = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null;
  // The name guards against a stale file and another process that got the number.
  const name = pid === null ? '' : await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  if (!/apache|httpd/.test(name)) return null;
  const state = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return / Z /.test(state.slice(state.lastIndexOf(')'), state.lastIndexOf(')') + 4)) ? null : pid;
}

async function writtenAt(pidFile: string | null): Promise<{ id: string; atMs: number } | null> {
  if (pidFile === null) return null;
  try {
    const { ino, mtimeNs, mtimeMs } = await stat(pidFile, { bigint: true });
    return { id: `${ino} ${mtimeNs}`, atMs: Number(mtimeMs) };
  } catch {
    return null;
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await wait(waitMs, undefined, { signal });
  } catch (cause) {
    throw new PluginError('the hook was stopped while it waited for Apache to reload', {
      cause,
      fix: 'Look whether Apache is busy, or raise timeouts.attach.',
    });
  }
}

/** Its messages, without the name it could not find out and what apachectl adds. */
function saidBy(stdout: string, stderr: string): string {
  const lines = (stderr.trim() === '' ? stdout : stderr).split('\n');
  const kept = lines.filter(
    (line) => line.trim() !== '' && !/^AH00558|^Action '|^The Apache error log/.test(line),
  );
  return kept.join('\n').trim().slice(0, messageCharactersMax);
}
