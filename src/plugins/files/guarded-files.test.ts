import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { PluginError } from '../api/plugin-error.ts';
import { testNeeding } from '../testing/test-needing.ts';
import { createGuardedFiles, type GuardedFiles } from './guarded-files.ts';
import { openTreeFile, treePathProblem } from './tree-file.ts';

const nothing = (): void => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const signal = AbortSignal.timeout(60_000);

async function directory(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'treecast-guarded-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'etc'));
  await mkdir(join(root, 'tree'));
  return root;
}

function guarded(root: string, activate: (bytes: string | null) => void): GuardedFiles<string> {
  return createGuardedFiles({
    stateDirectory: join(root, 'state'),
    allow: [join(root, 'etc', '*')],
    log,
    decode: String,
    activate: async ({ path, present }) => activate(present ? await readFile(path, 'utf8') : null),
  });
}

let puts = 0;

async function put(files: GuardedFiles<string>, root: string, text: string): Promise<string> {
  const name = `file-${puts++}`;
  await writeFile(join(root, 'tree', name), text);
  const source = await openTreeFile(join(root, 'tree'), name);
  try {
    const to = join(root, 'etc', 'file');
    return await files.put({ site: 'docs', to, source, mode: 0o640, what: 'reload' }, signal);
  } finally {
    await source.close();
  }
}

const now = (root: string): Promise<string | null> =>
  readFile(join(root, 'etc', 'file'), 'utf8').catch(() => null);

test('whatever the outcomes, the file is the last one that worked, and was activated last', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ text: fc.constantFrom('a', 'b', 'c'), works: fc.boolean() }), { maxLength: 8 }),
      async (steps) => {
        const root = await directory(t);
        const activated: (string | null)[] = [];
        let works = true;
        let expected: string | null = null;
        const files = guarded(root, (bytes) => {
          activated.push(bytes);
          if (!works && bytes !== expected) throw new PluginError(`${bytes} does not work`, { fix: 'Mend.' });
        });
        for (const step of steps) {
          works = step.works;
          const before = activated.length;
          if (step.text === expected) assert.equal(await put(files, root, step.text), 'unchanged');
          else if (step.works) {
            assert.equal(await put(files, root, step.text), 'replaced');
            expected = step.text;
          } else await assert.rejects(put(files, root, step.text), /does not work; /);
          assert.equal(await now(root), expected);
          if (activated.length > before) assert.equal(activated.at(-1), expected);
          assert.deepEqual(await readdir(join(root, 'etc')), expected === null ? [] : ['file']);
        }
      },
    ),
    { numRuns: 25 },
  );
});

/** Another process puts `text`, and is killed while activation hangs; with `failFirst`, while the restored file's does. */
async function killedWhilePutting(root: string, text: string, failFirst: boolean): Promise<void> {
  const code = `
    import { createGuardedFiles } from ${JSON.stringify(new URL('guarded-files.ts', import.meta.url).href)};
    import { open } from 'node:fs/promises';
    const root = ${JSON.stringify(root)};
    const nothing = () => {};
    let fail = ${failFirst};
    const files = createGuardedFiles({
      stateDirectory: root + '/state', allow: [root + '/etc/*'], decode: String,
      log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      activate() {
        if (fail) { fail = false; throw new Error('does not work'); }
        process.stdout.write('activating\\n');
        return new Promise(() => setInterval(nothing, 1000));
      },
    });
    const source = await open(root + '/tree/file');
    await files.put({ site: 'docs', to: root + '/etc/file', source, mode: 0o640, what: 'reload' }, new AbortController().signal);
  `;
  await writeFile(join(root, 'tree', 'file'), text);
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  for await (const line of createInterface(child.stdout)) if (line === 'activating') break;
  child.kill('SIGKILL');
  assert.deepEqual(await exited, [null, 'SIGKILL']);
}

for (const [failFirst, works, expected] of [
  [false, true, 'new'],
  [false, false, 'old'],
  [true, true, 'old'],
] as const) {
  const when = failFirst ? 'while the former file is activated again' : 'before the new file is active';
  test(`killed ${when}: the next start ${works ? 'finishes' : 'restores'}`, async (t) => {
    const root = await directory(t);
    const activated: (string | null)[] = [];
    const files = guarded(root, (bytes) => {
      activated.push(bytes);
      if (bytes === 'new' && !works) throw new Error('new does not work');
    });
    await put(files, root, 'old');
    await killedWhilePutting(root, 'new', failFirst);
    assert.equal(await now(root), failFirst ? 'old' : 'new');
    const next = guarded(root, (bytes) => {
      activated.push(bytes);
      if (bytes === 'new' && !works) throw new Error('new does not work');
    });
    await next.recover('other', signal);
    assert.deepEqual(activated, ['old']);
    if (works) await next.recover('docs', signal);
    else
      await assert.rejects(next.recover('docs', signal), /new does not work; the former file was put back/);
    assert.equal(await now(root), expected);
    assert.equal(activated.at(-1), expected);
    const count = activated.length;
    await next.recover('docs', signal);
    assert.equal(activated.length, count, 'recovered twice');
  });
}

test('what somebody else wrote after a crash is left as it is', async (t) => {
  const root = await directory(t);
  await killedWhilePutting(root, 'new', false);
  await writeFile(join(root, 'etc', 'file'), 'by hand');
  const activated: (string | null)[] = [];
  await guarded(root, (bytes) => activated.push(bytes)).recover('docs', signal);
  assert.equal(await now(root), 'by hand');
  assert.deepEqual(activated, []);
});

test('killed before the replacement: nothing happened, and nothing is done', async (t) => {
  const root = await directory(t);
  const activated: (string | null)[] = [];
  const files = guarded(root, (bytes) => activated.push(bytes));
  await put(files, root, 'old');
  await killedWhilePutting(root, 'new', false);
  // As it would be had the kill come a moment earlier, after the journal and before the rename.
  await writeFile(join(root, 'etc', 'file'), 'old');
  await files.recover('docs', signal);
  assert.equal(await now(root), 'old');
  assert.deepEqual(activated, ['old']);
  assert.equal(await put(files, root, 'new'), 'replaced');
  assert.deepEqual(activated, ['old', 'new']);
});

test('two puts at once take turns, and each sees the outcome of its own', async (t) => {
  const root = await directory(t);
  let active = 0;
  const files = createGuardedFiles<string>({
    stateDirectory: join(root, 'state'),
    allow: [join(root, 'etc', '*')],
    log,
    decode: String,
    activate: async ({ path, present }) => {
      active += 1;
      assert.equal(active, 1);
      const bytes = present ? await readFile(path, 'utf8') : null;
      active -= 1;
      if (bytes === 'bad') throw new PluginError('bad does not work', { fix: 'Mend.' });
    },
  });
  const results = await Promise.allSettled(
    ['good', 'bad', 'good', 'better'].map((text) => put(files, root, text)),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
  assert.match((await now(root)) ?? '', /^(?:good|better)$/);
  assert.deepEqual(await readdir(join(root, 'state', 'journal')), []);
});

test('a damaged journal is told by its path, and nothing is guessed', async (t) => {
  const root = await directory(t);
  await mkdir(join(root, 'state', 'journal'), { recursive: true });
  await writeFile(join(root, 'state', 'journal', 'x.json'), '{"version":9}');
  await assert.rejects(guarded(root, nothing).recover('docs', signal), /journal\/x\.json is damaged/);
});

test('a disk that refuses leaves the former file, and no leftovers', async (t) => {
  const root = await directory(t);
  const files = guarded(root, nothing);
  await put(files, root, 'old');
  const source = await open('/proc/self/mem', 'r');
  t.after(() => source.close());
  const to = join(root, 'etc', 'file');
  await assert.rejects(files.put({ site: 'docs', to, source, mode: 0o640, what: '' }, signal));
  assert.equal(await now(root), 'old');
  assert.deepEqual(await readdir(join(root, 'etc')), ['file']);
});

testNeeding(
  ['root', 'setpriv'],
  'N63: without CAP_CHOWN another owner is refused before anything changes',
  async (t) => {
    const root = await directory(t);
    for (const path of [root, join(root, 'etc'), join(root, 'tree')]) await chmod(path, 0o755);
    const code = `
    import { createGuardedFiles } from ${JSON.stringify(new URL('guarded-files.ts', import.meta.url).href)};
    const files = createGuardedFiles({ stateDirectory: '/nowhere', allow: ['/**'], decode: String, activate: async () => {} });
    try { await files.judge(${JSON.stringify(join(root, 'etc', 'file'))}, { mode: 0o644, uid: 12345 }); process.stdout.write('allowed'); }
    catch (error) { process.stdout.write(error.message + ' | ' + error.fix); }
  `;
    const run = async (...drop: string[]): Promise<string> => {
      const args = [
        ...drop.slice(1),
        ...(drop.length > 0 ? [process.execPath] : []),
        '--input-type=module',
        '-e',
        code,
      ];
      const child = spawn(drop[0] ?? process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      return (await child.stdout.toArray()).join('');
    };
    assert.equal(await run(), 'allowed');
    assert.match(
      await run('setpriv', '--bounding-set=-chown', '--inh-caps=-chown'),
      /belong to another user or group, which needs CAP_CHOWN \| Give the agent CAP_CHOWN/,
    );
  },
);

test('a path of a tree is relative, without empty, `.` or `..` names, and never a link', async (t) => {
  const root = await directory(t);
  await writeFile(join(root, 'secret'), 'secret');
  await symlink('../secret', join(root, 'tree', 'link'));
  await symlink('..', join(root, 'tree', 'up'));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('..', '.', '', 'link', 'up', 'secret', 'none', 'tree', '/'), { maxLength: 5 }),
      async (names) => {
        await assert.rejects(openTreeFile(join(root, 'tree'), names.join('/')), (error) => {
          assert.ok(error instanceof PluginError && !error.retryable, String(error));
          return true;
        });
      },
    ),
    { numRuns: 200 },
  );
  assert.equal(treePathProblem('a/b.c/..d'), undefined);
  assert.match(treePathProblem('x'.repeat(5000)) ?? '', /4096/);
});
