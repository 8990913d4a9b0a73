// Real programs as plugins run them: what they get, what comes back, and that nothing of them is left or waited for when they are ended.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Secret } from '../api/secret.ts';
import { until } from '../testing/until.ts';
import { withoutDescriptors } from '../testing/without-descriptors.ts';
import { createExec } from './exec-program.ts';
import { programPath } from './find-program.ts';

const exec = createExec();
const directory = mkdtempSync(join(tmpdir(), 'treecast-exec-'));
after(() => rmSync(directory, { recursive: true }));
const shell = (script: string, options?: Parameters<typeof exec>[2], run = exec) =>
  run('sh', ['-c', script], options);

async function tookMs(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

const waitMsMax = 10_000;

/** What nobody waited for yet has ended all the same. */
function lives(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

let files = 0;
/** A file that a script writes a process id to, and the id as soon as it is there. */
function pidFile(): { readonly path: string; read(): Promise<number> } {
  files += 1;
  const path = join(directory, `pid-${files}`);
  writeFileSync(path, '');
  const text = (): string => readFileSync(path, 'utf8');
  return {
    path,
    read: async () => {
      await until('it has written a line', () => text().endsWith('\n'), waitMsMax);
      return Number(text());
    },
  };
}

describe('what a program gets, and what comes back', () => {
  test('arguments as they are, exit codes, both outputs', async () => {
    const args = ['a b', '$HOME', '`id`', '', '*', '--', "it's", 'ü'];
    const { code, stdout, stderr, truncated } = await exec('sh', [
      '-c',
      'printf "%s\\n" "$@"; echo wrong >&2; exit 7',
      'sh',
      ...args,
    ]);
    assert.deepEqual([code, stdout, stderr, truncated], [7, `${args.join('\n')}\n`, 'wrong\n', false]);
    assert.equal((await exec('true', [])).code, 0);
  });

  test('a small environment: nothing of the agent’s own, but what the plugin adds; daemons are found', async () => {
    process.env['TREECAST_TEST_EXEC_TOKEN'] = 'token-of-the-agent';
    const { stdout } = await exec('env', [], { env: { ADDED: 'by the plugin' } });
    const names = stdout.split('\n').flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
    const allowed = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'ADDED'];
    assert.deepEqual(
      names.filter((name) => !allowed.includes(name)),
      [],
    );
    assert.match(stdout, /^ADDED=by the plugin$/m);
    assert.ok(stdout.split('\n').includes(`PATH=${programPath()}`));
    for (const sbin of ['/usr/local/sbin', '/usr/sbin', '/sbin'])
      assert.ok(programPath().split(':').includes(sbin));
  });

  test('input is written and closed; a program that does not read it is no error', async () => {
    const input = Buffer.alloc(300_000, 'x');
    assert.equal((await exec('wc', ['-c'], { input })).stdout.trim(), '300000');
    assert.equal((await exec('cat', [], { input: 'text' })).stdout, 'text');
    assert.equal((await exec('cat', [])).stdout, '');
    assert.equal((await exec('true', [], { input: Buffer.alloc(3_000_000) })).code, 0);
  });

  test('in a directory, in a process group and session of its own, so without a terminal', async () => {
    assert.equal((await exec('pwd', [], { cwd: directory })).stdout, `${directory}\n`);
    const { stdout } = await exec('cat', ['/proc/self/stat']);
    const [pid, , , , group, session] = stdout.split(' ');
    assert.deepEqual([group, session], [pid, pid]);
  });

  test('of each output the first MiB, and the program is not held up by the rest', async () => {
    const million = 1_048_576;
    const { stdout, stderr, truncated, code } = await shell(
      `head -c ${million * 3} /dev/zero | tr '\\0' a; head -c ${million} /dev/zero | tr '\\0' b >&2; exit 3`,
    );
    assert.deepEqual([stdout.length, stderr.length, truncated, code], [million, million, true, 3]);
    const exact = await shell(`head -c ${million} /dev/zero`);
    assert.deepEqual([exact.stdout.length, exact.truncated], [million, false]);
  });

  test('secrets are masked in what it says', async () => {
    const value = 'a-secret-that-a-program-prints';
    assert.equal(new Secret(value).reveal(), value);
    const { stdout, stderr } = await shell(`echo ${value}; echo ${value} >&2`);
    assert.deepEqual([stdout, stderr], ['[secret]\n', '[secret]\n']);
  });

  test('what children still say after it ended belongs to it', async () => {
    const { code, stdout } = await shell('{ sleep 0.2; echo late; } & echo early; exit 4');
    assert.deepEqual([code, stdout], [4, 'early\nlate\n']);
  });
});

describe('what is wrong is told', () => {
  test('a program that is not there, and a file that is none', async () => {
    await assert.rejects(exec('no-such-program-here', []), {
      name: 'PluginError',
      message: 'no-such-program-here could not be started (ENOENT)',
      fix: /Install no-such-program-here/,
    });
    const file = join(directory, 'text');
    writeFileSync(file, 'text', { mode: 0o600 });
    await assert.rejects(exec(file, []), { message: `${file} could not be started (EACCES)` });
  });

  test('one that a signal ended', async () => {
    await assert.rejects(shell('kill -SEGV $$'), { message: 'sh was ended by SIGSEGV', fix: /log/ });
  });

  test('one that takes too long', async () => {
    const work = assert.rejects(exec('sleep', ['60'], { timeoutMs: 100 }), {
      message: 'sleep took longer than 0.1 s and was ended',
      fix: /waits for/,
    });
    assert.ok((await tookMs(work)) < 1_900);
  });

  test('one whose caller was stopped, before and meanwhile, by either signal', async () => {
    const early = { message: /^sh was not started: its caller was stopped$/ };
    await assert.rejects(shell('true', { signal: AbortSignal.abort() }), early);
    await assert.rejects(shell('true', {}, createExec(AbortSignal.abort())), early);
    for (const by of ['call', 'host'] as const) {
      const stopping = new AbortController();
      const { path, read } = pidFile();
      const script = `echo $$ > ${path}; trap 'exit 0' TERM; while :; do sleep 0.05; done`;
      const work =
        by === 'call'
          ? shell(script, { signal: stopping.signal })
          : shell(script, {}, createExec(stopping.signal));
      const refused = assert.rejects(work, { message: 'sh was ended: its caller was stopped' });
      const pid = await read();
      stopping.abort();
      await refused;
      assert.equal(lives(pid), false);
    }
  });
});

describe('when it is ended, what it started is ended too, and nothing is waited for', () => {
  /** Ends the script once the process that it wrote down runs; answers that process, and how long the end took. */
  async function endedWith(script: (pidPath: string) => string): Promise<{ pid: number; ms: number }> {
    const { path, read } = pidFile();
    const stopping = new AbortController();
    const refused = assert.rejects(shell(script(path), { signal: stopping.signal }), {
      message: 'sh was ended: its caller was stopped',
    });
    const pid = await read();
    assert.equal(lives(pid), true);
    stopping.abort();
    return { pid, ms: await tookMs(refused) };
  }

  test('a child in the foreground', async () => {
    const { pid, ms } = await endedWith((path) => `sh -c 'echo $$ > ${path}; exec sleep 60'; true`);
    await until('it has ended', () => !lives(pid), waitMsMax);
    assert.ok(ms < 1_900, `${ms}`);
  });

  test('a child in the background that heeds no SIGTERM', async () => {
    const child = (path: string): string => `sh -c 'trap "" TERM; echo $$ > ${path}; exec sleep 60'`;
    const { pid, ms } = await endedWith((path) => `${child(path)} & wait`);
    await until('it has ended', () => !lives(pid), waitMsMax);
    assert.ok(ms < 1_900, `${ms}`);
  });

  test('one that heeds no SIGTERM itself, with its child, two seconds later', async () => {
    const { pid, ms } = await endedWith(
      (path) => `trap "" TERM; sh -c 'echo $$ > ${path}; exec sleep 60'; exit 1`,
    );
    await until('it has ended', () => !lives(pid), waitMsMax);
    assert.ok(ms >= 1_900 && ms < 8_000, `${ms}`);
  });

  test('what it left behind with its output open: at its time limit', async () => {
    const { path, read } = pidFile();
    const work = assert.rejects(
      shell(`sh -c 'echo $$ > ${path}; exec sleep 60' & exit 0`, { timeoutMs: 1_500 }),
      { message: 'sh took longer than 1.5 s and was ended' },
    );
    assert.ok((await tookMs(work)) < 10_000);
    const pid = await read();
    await until('it has ended', () => !lives(pid), waitMsMax);
  });

  test('a daemon lives on, and is not waited for though it has the output open', async () => {
    const { pid, ms } = await endedWith(
      (path) => `setsid sh -c 'echo $$ > ${path}; exec sleep 60' & exec sleep 60`,
    );
    assert.equal(lives(pid), true);
    process.kill(pid, 'SIGKILL');
    assert.ok(ms < 1_900, `${ms}`);
  });

  test('another program that runs at the same time is left alone', async () => {
    const { path, read } = pidFile();
    const stopping = new AbortController();
    const beside = assert.rejects(shell(`echo $$ > ${path}; exec sleep 60`, { signal: stopping.signal }));
    const besideId = await read();
    const { pid } = await endedWith((file) => `echo $$ > ${file}; exec sleep 60`);
    assert.deepEqual([lives(pid), lives(besideId)], [false, true]);
    stopping.abort();
    await beside;
  });
});

test('N43 a program that there are no file descriptors for is an error of its caller, and the next one runs', async () => {
  await withoutDescriptors(async () => {
    await assert.rejects(shell('exit 0'), /could not be started \(EMFILE\)/);
  });
  assert.equal((await shell('exit 0')).code, 0);
});
