// Many pushes at once: every one ends, every pusher is told the truth, the newest wins, and nothing is left behind (N25).

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pushProcesses } from '../../src/git-source/push-processes.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../lab/author.ts';
import { type Fleet, startFleet } from './support/fleet.ts';
import { rawPush } from './support/raw-push.ts';

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
async function pushByHand(commit: string): Promise<Told> {
  const text = await rawPush(fleet.gitUrl(), commit);
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
      const push = pushes.length % 10 === 9 ? pushByGit(commit) : pushByHand(commit);
      // A failure is awaited below; until then it must not count as unhandled.
      push.catch(() => undefined);
      pushes.push(push);
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
