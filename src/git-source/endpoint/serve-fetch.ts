// One fetch or clone: the request goes to git upload-pack, Git's answer to the client. A client that goes away stops Git.

import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { GitEndpointLogger } from './git-endpoint.ts';
import { startGitService } from './git-service.ts';
import type { Patience } from './pump-body.ts';

export interface ServeFetchOptions {
  readonly repositoryPath: string;
  readonly protocol: string | undefined;
  readonly body: Readable;
  readonly response: ServerResponse;
  readonly patience: Patience;
  readonly logger: GitEndpointLogger;
}

/** Wants and haves; the answer is what is large. */
const requestBytesMax = 64 * 1_048_576;

/** Rejects only when Git could not be started. */
export async function serveFetch(options: ServeFetchOptions): Promise<void> {
  const { response, body, patience } = options;
  const git = startGitService({
    service: 'git-upload-pack',
    repositoryPath: options.repositoryPath,
    environment: options.protocol === undefined ? {} : { GIT_PROTOCOL: options.protocol },
  });
  response.once('close', () => {
    if (!response.writableFinished) git.stop();
  });
  let requestBytes = 0;
  let bytesBefore = 0;
  const check = setInterval(() => {
    if (requestBytes - bytesBefore < patience.bytes)
      body.destroy(new Error('the client sends next to nothing'));
    bytesBefore = requestBytes;
  }, patience.ms);
  body.on('data', (chunk: Buffer) => {
    requestBytes += chunk.length;
    if (requestBytes > requestBytesMax) body.destroy(new Error('the request is too large'));
  });
  const feeding = pipeline(body, git.stdin)
    .catch(() => {
      if (!response.writableFinished && requestBytes > requestBytesMax) git.stop();
    })
    .finally(() => clearInterval(check));
  response.writeHead(200, {
    'content-type': 'application/x-git-upload-pack-result',
    'cache-control': 'no-cache, max-age=0, must-revalidate',
  });
  await pipeline(git.stdout, response).catch(() => git.stop());
  const exitCode = await git.ended;
  await feeding;
  if (exitCode !== 0 && !response.destroyed) {
    options.logger.warn({ exitCode, complaint: git.complaint() }, 'git upload-pack failed');
  }
}
