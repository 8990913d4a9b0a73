// Followers hear the last line, every line after it, something in time, and the end; also when they come late.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobPhase, JobResource } from '../../model/api.ts';
import { createFollowers } from './followers.ts';

function jobIn(phase: JobPhase, endedAt: string | null = null): JobResource {
  return {
    id: 'j1',
    type: 'publish',
    site: 's',
    phase,
    release: null,
    commit: null,
    tree: null,
    requestedBy: 'author',
    createdAt: '',
    startedAt: null,
    decidedAt: null,
    endedAt,
    attempts: 0,
    files: null,
    assignmentBytes: null,
    nodes: [],
    error: null,
  };
}

async function collect(updates: AsyncIterable<{ readonly text: string }>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of updates) texts.push(text);
  return texts;
}

test('JOB-18 the last line said before, then every line, then the end', async () => {
  const followers = createFollowers({ job: () => jobIn('queued') });
  followers.tell('j1', 'waiting for members');
  const heard = collect(followers.follow('j1'));
  followers.tell('j1', 'one');
  await new Promise(setImmediate);
  followers.tell('j1', 'two');
  followers.end('j1', 'done');
  assert.deepEqual(await heard, ['waiting for members', 'one', 'two', 'done']);
});

test('who comes after the end hears the last words, and a deferred job ends the wait', async () => {
  const followers = createFollowers({ job: () => jobIn('succeeded', 'now') });
  followers.end('j1', 'staged 1/1  live 1/1  5 ms');
  assert.deepEqual(await collect(followers.follow('j1')), ['staged 1/1  live 1/1  5 ms']);
  const deferred = createFollowers({ job: () => jobIn('deferred') });
  assert.deepEqual(await collect(deferred.follow('j1')), ['deferred (job j1)']);
});

test('JOB-18 silence is broken in time', async () => {
  const followers = createFollowers({ job: () => jobIn('staging'), keepAliveMs: 5 });
  const updates = followers.follow('j1')[Symbol.asyncIterator]();
  assert.deepEqual(await updates.next(), {
    done: false,
    value: { kind: 'line', text: 'staging: held 0/0  staged 0/0' },
  });
  assert.equal((await updates.next()).done, false);
  await updates.return?.(undefined);
});

test('a follower that leaves cancels nothing and is forgotten', async () => {
  const followers = createFollowers({ job: () => jobIn('staging') });
  const first = followers.follow('j1')[Symbol.asyncIterator]();
  const pending = first.next();
  const second = collect(followers.follow('j1'));
  followers.tell('j1', 'line');
  await pending;
  await first.return?.(undefined);
  followers.end('j1', 'done');
  assert.deepEqual(await second, ['line', 'done']);
});
