// N63 N21: CCM and agent as users of their own with nothing but their state directories, as the shipped units run them: a join, a push,
// repairs; what the web server's user can read, and what nobody else can.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/client/client.ts';
import { freePorts } from '../../src/plugins/testing/free-ports.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { createAuthor } from '../lab/author.ts';
import { createProcesses, lineFrom } from '../lab/processes.ts';
import { endProgram, runProgram } from '../lab/run-program.ts';
import { type Sandbox, spawnSandboxed } from '../lab/sandbox.ts';

const users = { ccm: 61_901, agent: 61_902, web: 61_903 };
const repository = join(import.meta.dirname, '../..');

/** As another user of the machine, without any capability. */
function asUser(uid: number, program: string, ...parameters: readonly string[]) {
  return endProgram('setpriv', [
    `--reuid=${uid}`,
    `--regid=${uid}`,
    '--clear-groups',
    program,
    ...parameters,
  ]);
}

async function jsonLine(child: ChildProcess, beginning: string): Promise<Record<string, string>> {
  return JSON.parse(await lineFrom(child, (line) => line.startsWith(beginning))) as Record<string, string>;
}

async function run(sandbox: Sandbox, ...parameters: readonly string[]): Promise<Record<string, string>> {
  const child = spawnSandboxed(sandbox, parameters, {
    TREECAST_CONTEXT: join(sandbox.writable, 'context.json'),
  });
  const ended = once(child, 'exit');
  const line = await jsonLine(child, '{');
  await ended;
  return line;
}

testNeeding(
  ['root', 'unshare', 'setpriv', 'nginx'],
  'N63 N21 join, push, serve and repair as users without rights; the trees are readable, the state is not',
  async (t) => {
    // Not in /tmp, which is another one in the sandbox.
    const base = await mkdtemp('/var/tmp/treecast-user-');
    fs.chmodSync(base, 0o755);
    const processes = createProcesses();
    const author = await createAuthor();
    t.after(async () => {
      await processes.end();
      await author.remove();
      await rm(base, { recursive: true, force: true, maxRetries: 20 });
    });
    const program = { from: repository, at: join(base, 'program') };
    fs.mkdirSync(program.at);
    const sandboxOf = (name: 'ccm' | 'agent', mode: number): Sandbox => {
      const writable = join(base, name);
      fs.mkdirSync(writable);
      fs.chownSync(writable, users[name], users[name]);
      fs.chmodSync(writable, mode);
      return { uid: users[name], writable, program };
    };
    const ccm = sandboxOf('ccm', 0o700);
    const agent = sandboxOf('agent', 0o751);
    const state = { ccm: join(ccm.writable, 'state'), agent: join(agent.writable, 'state') };

    const { token = '' } = await run(ccm, 'ccm', 'init', '--dir', state.ccm, '--json');
    const [port, agentPort] = await freePorts(2);
    const ports = { listen: `127.0.0.1:${port}`, agentListen: `127.0.0.1:${agentPort}` };
    await writeFile(join(state.ccm, 'ccm.yaml'), JSON.stringify(ports));
    fs.chownSync(join(state.ccm, 'ccm.yaml'), users.ccm, users.ccm);
    const ccmChild = processes.add(
      spawnSandboxed(ccm, ['ccm', 'run', '--dir', state.ccm, '--log-level', 'warn', '--json'], {}),
    );
    const { api = '' } = await jsonLine(ccmChild, '{"ready":true');
    const client: Client = createClient({ api, token });
    await client.sites.create({ name: 'docs' });
    const password = (await client.tokens.create({ name: 'author', roles: ['author'] })).token;

    const joining = (await client.joinTokens.create()).token;
    await run(agent, 'agent', 'join', joining, '--dir', state.agent, '--name', 'web1', '--json');
    await writeFile(join(state.agent, 'agent.yaml'), JSON.stringify({ scrub: { everySeconds: 1 } }));
    const agentChild = processes.add(
      spawnSandboxed(agent, ['agent', 'run', '--dir', state.agent, '--log-level', 'warn', '--json'], {}),
    );
    await jsonLine(agentChild, '{"ready":true');
    await until('the agent is connected', async () => (await client.nodes.get('web1')).connected, 30_000);

    await author.write('index.html', 'for everybody');
    await author.write('deep/er/page.html', 'below');
    await author.write('tool', '#!/bin/sh\n');
    fs.chmodSync(join(author.directory, 'tool'), 0o755);
    const tree = await author.commit();
    const remote = new URL('/git/docs.git', api);
    [remote.username, remote.password] = ['author', password];
    const { stderr } = await author.push(remote.href);
    assert.match(stderr, /live 1\/1/);
    const isVerified = async () =>
      (await client.sites.verify('docs')).nodes.every((node) => node.ok && node.tree === tree);
    assert.ok(await isVerified());

    const live = join(state.agent, 'sites/docs/live');
    assert.deepEqual(
      ['.', 'deep', 'deep/er', 'deep/er/page.html', 'tool'].map((path) =>
        (fs.statSync(join(live, path)).mode & 0o7777).toString(8),
      ),
      ['755', '755', '755', '644', '755'],
      'modes are the policy’s, whatever the umask',
    );
    assert.equal((await asUser(users.web, 'cat', join(live, 'deep/er/page.html'))).stdout, 'below');
    assert.equal(await served(base, live, processes), 'for everybody');

    const { stdout: readable } = await asUser(
      users.web,
      'find',
      state.ccm,
      state.agent,
      '-type',
      'f',
      '-readable',
    );
    const outside = readable
      .split('\n')
      .filter((path) => path !== '' && !path.includes('/sites/docs/trees/'));
    const own = ['agent.yaml', 'lock', 'lock-owner.json'].map((name) => join(state.agent, name));
    assert.deepEqual(
      outside.filter((path) => !own.includes(path)),
      [],
      'nothing of the state is readable by others',
    );
    for (const { pid } of [ccmChild, agentChild]) {
      const line = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      for (const secret of [token, password, joining]) assert.equal(line.includes(secret), false);
      const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
      assert.match(status, /^CapEff:\t0+$/m);
      assert.match(status, /^CapBnd:\t0+$/m);
      assert.match(status, /^NoNewPrivs:\t1$/m);
    }

    // Not even their owner may read them now.
    fs.chmodSync(join(live, 'index.html'), 0);
    fs.chmodSync(join(live, 'deep'), 0);
    const [node] = (await client.sites.verify('docs')).nodes;
    assert.equal(node?.error, null, 'what cannot be read is drift, not a failure');
    await until('it is mended', isVerified, 30_000);
    assert.equal((await asUser(users.web, 'cat', join(live, 'index.html'))).stdout, 'for everybody');
  },
);

/** What nginx, run as the web server's user, answers for the site's front page. */
async function served(
  base: string,
  live: string,
  processes: ReturnType<typeof createProcesses>,
): Promise<string> {
  const own = join(base, 'nginx');
  fs.mkdirSync(own);
  fs.chownSync(own, users.web, users.web);
  const [port] = await freePorts(1);
  const temporaries = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${own}/${name};`,
  );
  const configuration = `daemon off; pid ${own}/pid; error_log stderr; events {} http { access_log off; ${temporaries.join(' ')}
    server { listen 127.0.0.1:${port}; root ${live}; } }`;
  await writeFile(join(own, 'nginx.conf'), configuration);
  const asWeb = [`--reuid=${users.web}`, `--regid=${users.web}`, '--clear-groups'];
  processes.add(spawn('setpriv', [...asWeb, 'nginx', '-c', join(own, 'nginx.conf')], { stdio: 'ignore' }));
  const url = `http://127.0.0.1:${port}/`;
  await until(
    'nginx answers',
    () =>
      fetch(url).then(
        () => true,
        () => false,
      ),
    30_000,
  );
  return (await fetch(url)).text();
}

testNeeding(
  ['systemd-analyze'],
  'N63 the shipped units are valid, and their exposure is what docs/operating.md says',
  async (t) => {
    const directory = await mkdtemp('/var/tmp/treecast-units-');
    t.after(() => rm(directory, { recursive: true, force: true }));
    const shipped = join(repository, 'share/systemd');
    const operating = fs.readFileSync(join(repository, 'docs/operating.md'), 'utf8');
    for (const [name, dropIn] of [
      ['treecast-ccm.service'],
      ['treecast-agent.service'],
      ['treecast-agent.service', 'treecast-agent-nginx.conf'],
      ['treecast-agent.service', 'treecast-agent-owner.conf'],
    ] as const) {
      const unit = fs.readFileSync(join(shipped, name), 'utf8');
      const here = join(directory, name);
      await writeFile(here, unit.replace('/opt/treecast/bin/treecast', join(repository, 'bin/treecast')));
      if (dropIn !== undefined) {
        fs.mkdirSync(`${here}.d`, { recursive: true });
        fs.copyFileSync(join(shipped, dropIn), join(`${here}.d`, 'added.conf'));
      }
      const subject = dropIn ?? name;
      const { code, stdout, stderr } = await endProgram('systemd-analyze', ['verify', here]);
      assert.deepEqual([code, stdout + stderr], [0, ''], subject);
      const judged = await runProgram('systemd-analyze', ['security', '--offline=yes', '--no-pager', here]);
      const score = Number(/exposure level for \S+: ([\d.]+)/.exec(judged)?.[1]);
      const stated = Number(new RegExp(`${subject}\`[^|]*\\|[^|]*\\| ([\\d.]+)`).exec(operating)?.[1]);
      assert.ok(
        score > 0 && score <= stated,
        `${subject}: exposure ${score}, at most ${stated} by docs/operating.md`,
      );
    }
    for (const name of fs.readdirSync(shipped))
      assert.ok(operating.includes(`share/systemd/${name}`), `docs/operating.md names ${name}`);
    const { files } = JSON.parse(fs.readFileSync(join(repository, 'package.json'), 'utf8')) as {
      files: string[];
    };
    assert.ok(files.includes('share'));
  },
);
