// nginx as a balancer: our include file says who is `down`, `nginx -t` judges it, a reload loads it. What was in progress goes on in the
// old workers.

import { setTimeout as pause } from 'node:timers/promises';
import { type Exec, type ExecResult, PluginError } from 'treecast/plugin';
import { BalancerAway } from '../balancer-away.ts';
import type { BalancerDriver } from '../balancer-driver.ts';
import { createServerFileDriver, type FileMember } from '../server-file-driver.ts';
import { membersOf } from '../server-file-keys.ts';
import { endWorkers, readNginxWorkers } from './nginx-workers.ts';
import { parseUpstream, renderUpstream } from './upstream-file.ts';

export interface NginxConfig {
  readonly name: string;
  readonly file: string;
  readonly servers: Readonly<Record<string, readonly string[]>>;
  readonly weight: number;
  readonly weights: Readonly<Record<string, number>>;
  readonly parameters: string;
  readonly program: string;
  readonly configuration?: string | undefined;
  readonly pidFile: string | null;
}

const reloadedWithinMs = 5_000;
const pollMs = 25;

export function createNginxDriver(
  config: NginxConfig,
  { exec, stateDirectory }: { readonly exec: Exec; readonly stateDirectory: string },
): BalancerDriver<FileMember> {
  const { name, file, parameters, program, configuration, pidFile } = config;
  const base = configuration === undefined ? [] : ['-c', configuration];

  async function reload(signal: AbortSignal): Promise<void> {
    const before = pidFile === null ? null : await readNginxWorkers(pidFile);
    if (pidFile !== null && before === null) throw notRunning(pidFile);
    const { code, stderr } = await exec(program, [...base, '-s', 'reload'], { signal });
    if (code !== 0)
      throw new PluginError(`nginx could not be reloaded: ${lastWords(stderr)}`, {
        fix: 'Look whether nginx runs, and whether this user may signal it.',
      });
    if (pidFile === null || before === null) return;
    // The signal is all that `-s reload` waits for: a reload that worked shows in new workers.
    const deadline = performance.now() + reloadedWithinMs;
    for (;;) {
      const now = await readNginxWorkers(pidFile);
      if (now === null) throw notRunning(pidFile);
      const fresh = now.serving.some((pid) => !before.serving.includes(pid));
      if (fresh && !now.serving.some((pid) => before.serving.includes(pid))) return;
      if (performance.now() >= deadline || signal.aborted)
        throw new PluginError('nginx did not load its configuration: its workers are the old ones', {
          fix: 'Its error log says why.',
        });
      await pause(pollMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return createServerFileDriver({
    name,
    file,
    members: membersOf(config),
    stateDirectory,
    kind: {
      render: (servers) => renderUpstream(servers, parameters),
      parse: parseUpstream,
      async load(signal) {
        judge(await exec(program, [...base, '-t', '-q'], { signal }));
        await reload(signal);
      },
      async reality() {
        const workers = pidFile === null ? null : await readNginxWorkers(pidFile);
        if (pidFile !== null && workers === null) throw notRunning(pidFile);
        return {
          sessions: () => workers?.ending.length ?? null,
          isOut: () => null,
          trouble: () => null,
        };
      },
      force: () => (pidFile === null ? Promise.resolve() : endWorkers(pidFile)),
      async validate(signal) {
        judge(await exec(program, [...base, '-t', '-q'], { signal }));
      },
      noWeightZero: 'nginx has no weight 0: it became 1; drain the node instead',
    },
  });
}

function judge({ code, stderr }: ExecResult): void {
  if (code !== 0)
    throw new PluginError(`nginx refuses its configuration: ${lastWords(stderr)}`, {
      fix: 'Mend nginx’s configuration until `nginx -t` passes; nothing was changed.',
    });
}

function notRunning(pidFile: string): BalancerAway {
  return new BalancerAway(`nginx does not run (${pidFile} names no nginx)`, {
    fix: 'Start nginx, or correct `pidFile`.',
  });
}

/** The first line of nginx's complaint is the one that names file and line. */
function lastWords(stderr: string): string {
  const line =
    stderr.split('\n').find((text) => /\[(?:emerg|alert|crit|error)\]/.test(text)) ?? stderr.trim();
  return line.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 300) || 'it says nothing';
}
