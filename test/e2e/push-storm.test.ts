// Many pushes at once: every one ends, every pusher is told the truth, the newest wins, and nothing is left behind (N25).

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { flushPacket, packet } from '../../src/git-source/endpoint/pkt-line.ts';
import { pushProcesses } from '../../src/git-source/push-processes.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../lab/author.ts';
import { type Fleet, startFleet } from './support/fleet.ts';

let fleet: Fleet;
let author: Author;
before(async () => {
  fleet = await startFleet({ agents: 2 });
  author = await createAuthor();
});
after(async () => {
  await author.remove();
  await fleet.stop();
});

interface Told {
  readonly accepted: boolean;
  readonly text: string;
}

/** As git pushes a commit whose objects the server has, without the four processes that git takes for it. */
async function pushRaw(commit: string): Promise<Told> {
  const { api, token, site } = fleet.up.ready;
  const authorization = `Basic ${btoa(`author:${token}`)}`;
  const url = `${api}/git/${site}.git`;
  const refs = await fetch(`${url}/info/refs?service=git-receive-pack`, { headers: { authorization } });
  const advertised = await refs.text();
  if (!refs.ok) return { accepted: false, text: advertised };
  const before = /([0-9a-f]{40}) refs\/heads\/main\n/.exec(advertised)?.[1] ?? '0'.repeat(40);
  const emptyPack = Buffer.from('5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e', 'hex');
  const command = packet(`${before} ${commit} refs/heads/main\0 report-status side-band-64k`);
  const response = await fetch(`${url}/git-receive-pack`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/x-git-receive-pack-request' },
    body: new Uint8Array(Buffer.concat([command, flushPacket, emptyPack])),
  });
  const text = await response.text();
  return { accepted: /ok refs\/heads\/main/.test(text), text };
}

async function pushByGit(commit: string): Promise<Told> {
  const { code, stderr } = await author.tryGit(['push', '-f', fleet.gitUrl(), `${commit}:refs/heads/main`]);
  return { accepted: code === 0, text: stderr };
}

/** The most memory that a process of the fleet has taken so far. */
function peakMb(): number {
  const peaks = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((id) => {
      try {
        if (!readFileSync(`/proc/${id}/cmdline`, 'latin1').includes(fleet.directory)) return [];
        return [Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, 'latin1'))?.[1] ?? 0) / 1024];
      } catch {
        return [];
      }
    });
  return Math.max(0, ...peaks);
}

const tellsTruth = /live 2\/2|not published: commit [0-9a-f]+ is newer|unchanged: tree|Everything up-to-date/;
const saysWhyNot = /ng refs\/heads\/main|remote rejected|failed to update ref|RATE_LIMITED|treecast:/;

test('N25 100 pushes in ten seconds to one site: newest wins, each pusher is told the truth, all end', async () => {
  const commits: string[] = [];
  for (let n = 0; n < 100; n++) {
    await author.write('index.html', `page ${n}`);
    await author.commit(`page ${n}`);
    commits.push(await author.git('rev-parse', 'HEAD'));
  }
  const stored = await author.tryGit(['push', fleet.gitUrl(), 'HEAD:refs/heads/all']);
  assert.equal(stored.code, 0, stored.stderr);

  const pushes: Promise<Told>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const commit = commits[pushes.length] as string;
      pushes.push(pushes.length % 10 === 9 ? pushByGit(commit) : pushRaw(commit));
      if (pushes.length < commits.length) return;
      clearInterval(timer);
      resolve();
    }, 100);
  });
  const told = await Promise.all(pushes);
  for (const { accepted, text } of told) assert.match(text, accepted ? tellsTruth : saysWhyNot);
  const accepted = told.filter((each) => each.accepted);
  assert.ok(accepted.some(({ text }) => /live 2\/2/.test(text)));

  const head = (await author.git('ls-remote', fleet.gitUrl(), 'refs/heads/main')).split('\t')[0] as string;
  await until(
    'the newest is live',
    async () => (await fleet.admin.sites.status('sample')).commit === head,
    30_000,
  );
  await fleet.assertServed(await author.tree(head));
  const jobs = await fleet.admin.jobs.list({ site: 'sample', limit: 200 });
  assert.deepEqual(
    jobs.filter(({ endedAt }) => endedAt === null),
    [],
  );
  assert.ok(jobs.every(({ phase }) => phase === 'succeeded' || phase === 'superseded'));
  const repository = join(fleet.directory, 'ccm/repositories/sample.git');
  await until('no process is left', async () => (await pushProcesses(repository)).length === 0);
  assert.ok(peakMb() < 800, `${peakMb()} MB`);
});
