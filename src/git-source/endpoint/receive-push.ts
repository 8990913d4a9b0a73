// One push: the request's body goes to git receive-pack, Git's answer goes to the client, the authority is asked before refs move and
// followed after. Until the verdict a client that goes away stops Git; from then on Git always finishes.

import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { failpoint } from '../../faults/failpoint.ts';
import { toWireError } from '../../model/treecast-error.ts';
import type { Author, Push, PushAuthority } from '../push-authority.ts';
import { pushMark } from '../push-processes.ts';
import { terminalLine } from '../terminal-line.ts';
import { followPush } from './follow-push.ts';
import type { GitEndpointLogger } from './git-endpoint.ts';
import { startGitService } from './git-service.ts';
import { type HookQuestion, serveHook, type Verdict } from './hook-session.ts';
import { missingReport } from './missing-report.ts';
import { flushPacket, messagePacket } from './pkt-line.ts';
import { type Patience, pumpBody } from './pump-body.ts';
import { createPushRequestReader, type PushRequest } from './push-request.ts';
import { createPushResponse, type PushResponse } from './push-response.ts';
import { readMovedRefs } from './read-moved-refs.ts';
import { syncPush } from './sync-push.ts';
import { explainUnpackFailure } from './unpack-failure.ts';

export interface ReceivePushOptions {
  readonly authority: PushAuthority;
  readonly repository: string;
  readonly repositoryPath: string;
  readonly author: Author;
  readonly body: Readable;
  readonly response: ServerResponse;
  readonly maxInputBytes: number;
  readonly patience: Patience;
  /** Git has ended, and whether somebody killed it; the response may go on for long. */
  readonly onGitEnded: (wasKilled: boolean) => void;
  readonly logger: GitEndpointLogger;
}

const verdictTimeoutMs = 120_000;

/** Resolves when the response has ended and Git is gone; rejects when Git could not be started. */
export async function receivePush(options: ReceivePushOptions): Promise<void> {
  const { response, repository, logger } = options;
  const id = randomUUID();
  const began = Date.now();
  const head = createPushRequestReader();
  const client = new AbortController();
  let accepted = false;
  const git = startGitService({
    service: 'git-receive-pack',
    repositoryPath: options.repositoryPath,
    settings: [`receive.maxInputSize=${options.maxInputBytes}`],
    environment: pushMark,
    withHookSocket: true,
  });
  const clientGone = () => {
    if (response.writableFinished) return;
    client.abort();
    if (!accepted) git.stop();
  };
  if (response.destroyed) clientGone();
  else response.once('close', clientGone);

  const pushOf = (updates: Push['updates']): Push => {
    const request = head.request() as PushRequest;
    const { author, authorId } = options.author;
    return { id, repository, author, authorId, options: request.options, updates };
  };
  const decide = async (question: HookQuestion): Promise<Verdict> => {
    const verdict = await askAuthority(options, pushOf(question.updates), question).catch((error) => {
      logger.error({ push: id, repository, err: error }, 'the authority could not judge a push');
      return { accepted: false, lines: refusalLines(error) } as const;
    });
    if (client.signal.aborted) return { accepted: false, lines: [] };
    accepted = verdict.accepted;
    return verdict;
  };
  if (git.hookSocket) serveHook(git.hookSocket, options.repositoryPath, decide);

  const { body, maxInputBytes, patience } = options;
  // Once the answer has ended, nobody else tells the body that its connection is gone.
  const { socket } = response;
  const socketClosed = () => body.destroy(new Error('the connection is closed'));
  socket?.once('close', socketClosed);
  const feeding = pumpBody({ body, git: git.stdin, head, maxInputBytes, patience }).catch(
    (error: unknown) => {
      if (!client.signal.aborted)
        logger.warn({ push: id, repository, err: error }, 'a push could not be read');
      if (!accepted) git.stop();
    },
  );

  let reply: PushResponse | undefined;
  let following: Promise<void> | undefined;
  const follow = async (moved: ReadonlySet<string>, hasSideband: boolean): Promise<void> => {
    const updates = (head.request() as PushRequest).updates.filter((update) => moved.has(update.ref));
    if (updates.length === 0) return;
    // PUSH-50
    await syncPush(options.repositoryPath, [...moved], began).catch((error: unknown) =>
      logger.error({ push: id, repository, error }, 'a push may not survive a power cut: the disk failed'),
    );
    failpoint('ccm.push.ref-moved');
    const lines = options.authority.afterRefs(pushOf(updates));
    return followPush({ lines, response, hasSideband, client: client.signal, logger, push: id });
  };
  try {
    for await (const chunk of git.stdout as AsyncIterable<Buffer>) {
      openResponse(response);
      const request = head.request();
      if (request) reply ??= createPushResponse(request);
      const ready = reply ? reply.receive(chunk) : chunk;
      if (ready.length > 0 && !response.destroyed) response.write(ready);
      const report = reply?.report();
      if (reply && report) following ??= follow(report.moved, reply.hasSideband);
    }
  } catch (error) {
    logger.error({ push: id, repository, err: error }, 'the answer of git to a push was not understood');
  }
  const exitCode = await git.ended;
  const wasKilled = exitCode === null;
  options.onGitEnded(wasKilled);
  const request = head.request();
  let moved: ReadonlySet<string> = new Set();
  if (request && accepted && !reply?.report()) {
    // No report was asked for, or Git died on the way: the refs themselves say what moved.
    moved = await readMovedRefs(options.repositoryPath, request.updates).catch(() => moved);
    following = follow(moved, reply?.hasSideband ?? false);
  }
  if (reply?.hasSideband && !response.destroyed) explain(response, reply);
  await following;
  if (exitCode !== 0)
    logger.warn({ push: id, repository, exitCode, complaint: git.complaint() }, 'git receive-pack failed');
  if (request && wasKilled) reply ??= createPushResponse(request);
  finish(response, request && reply && endOf(request, reply, moved), exitCode);
  await feeding;
  socket?.off('close', socketClosed);
}

async function askAuthority(
  options: ReceivePushOptions,
  push: Push,
  question: HookQuestion,
): Promise<Verdict> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error('the authority gave no verdict in time')),
    verdictTimeoutMs,
  );
  try {
    return await Promise.race([options.authority.beforeRefs(push, question.quarantine), late]);
  } finally {
    clearTimeout(timer);
  }
}

function refusalLines(error: unknown): string[] {
  const wire = toWireError(error);
  if (wire.code === 'BUG')
    return ['treecast: push refused: it could not be checked. Push again; tell the operator if it stays so.'];
  return [`treecast: push refused: ${wire.message}`, ...(wire.fix ? [`treecast: ${wire.fix}`] : [])];
}

function openResponse(response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(200, {
    'content-type': 'application/x-git-receive-pack-result',
    'cache-control': 'no-cache, max-age=0, must-revalidate',
  });
}

/** What Git itself refused, and not the hook, whose lines say why. */
function explain(response: ServerResponse, reply: PushResponse): void {
  const { unpacked = true, complaint = '' } = reply.report() ?? {};
  if (unpacked && !/^ng .* failed to /m.test(complaint)) return;
  for (const line of explainUnpackFailure(reply.messages() + complaint))
    response.write(messagePacket(terminalLine(line)));
}

function endOf(request: PushRequest, reply: PushResponse, moved: ReadonlySet<string>): Buffer {
  if (reply.isEnded()) return reply.end();
  return reply.report() ? flushPacket : missingReport(request, moved);
}

function finish(response: ServerResponse, end: Buffer | undefined, exitCode: number | null): void {
  if (response.destroyed) return;
  if (!response.headersSent && end === undefined && exitCode !== 0) {
    const text =
      exitCode === null
        ? 'git was ended on the server before it was done; no branch moved. Push again.'
        : 'the push was not understood. Push again with a current version of git.';
    response.writeHead(exitCode === null ? 500 : 400, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(`treecast: ${text}\n`);
    return;
  }
  openResponse(response);
  response.end(end);
}
