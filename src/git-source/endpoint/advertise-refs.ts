// The answer to GET info/refs. For a push it is composed here from files (a Git process would cost as much as all the rest of that
// request): Git's own capabilities, learnt once per repository from Git itself, and the refs. For a fetch Git answers.

import { statSync } from 'node:fs';
import { TreecastError } from '../../model/treecast-error.ts';
import { type GitServiceName, startGitService } from './git-service.ts';
import { flushPacket, packet } from './pkt-line.ts';
import { type PackedRefsCache, readRefs } from './read-refs.ts';

export interface RefAdvertiser {
  /** The whole body. `protocol` is a validated Git-Protocol header or undefined. */
  advertise(service: GitServiceName, repositoryPath: string, protocol: string | undefined): Promise<Buffer>;
}

interface Learnt {
  readonly stamp: string;
  readonly capabilities: string;
}

const outputBytesMax = 256 * 1_048_576;

export function createRefAdvertiser(): RefAdvertiser {
  const learnt = new Map<string, Learnt>();
  const packedRefs: PackedRefsCache = new Map();

  return {
    async advertise(service, repositoryPath, protocol) {
      const header = Buffer.concat([packet(`# service=${service}\n`), flushPacket]);
      if (service === 'git-upload-pack') {
        const body = await askGit(service, repositoryPath, protocol);
        return protocol?.includes('version=2') ? body : Buffer.concat([header, body]);
      }
      const stamp = configurationStamp(repositoryPath);
      const known = learnt.get(repositoryPath);
      const refs = known?.stamp === stamp ? readRefs(repositoryPath, packedRefs) : undefined;
      if (known !== undefined && refs !== undefined)
        return Buffer.concat([header, compose(refs, known.capabilities)]);
      const body = await askGit(service, repositoryPath, undefined);
      const capabilities = capabilitiesOf(body);
      if (capabilities !== undefined && stamp !== undefined)
        learnt.set(repositoryPath, { stamp, capabilities });
      return Buffer.concat([header, body]);
    },
  };
}

/** Undefined for what this code does not know how to advertise: shallow repositories, alternates, and what is no repository (any more). */
function configurationStamp(repositoryPath: string): string | undefined {
  const isWhole = ['HEAD', 'objects', 'refs'].every(
    (path) => statSync(`${repositoryPath}/${path}`, { throwIfNoEntry: false }) !== undefined,
  );
  if (!isWhole) return undefined;
  const config = statSync(`${repositoryPath}/config`, { bigint: true, throwIfNoEntry: false });
  const special = ['shallow', 'objects/info/alternates'].some(
    (path) => statSync(`${repositoryPath}/${path}`, { throwIfNoEntry: false }) !== undefined,
  );
  return config === undefined || special ? undefined : `${config.ino} ${config.size} ${config.mtimeNs}`;
}

function compose(refs: ReadonlyMap<string, string>, capabilities: string): Buffer {
  const lines = [...refs].map(([name, id]) => `${id} ${name}`);
  if (lines.length === 0) lines.push(`${'0'.repeat(40)} capabilities^{}`);
  return Buffer.concat([
    ...lines.map((line, index) => packet(index === 0 ? `${line}\0${capabilities}\n` : `${line}\n`)),
    flushPacket,
  ]);
}

function capabilitiesOf(advertisement: Buffer): string | undefined {
  return /^[0-9a-f]{44,68} [^\0\n]+\0([^\n]*)\n/.exec(advertisement.toString('latin1', 0, 4_096))?.[1];
}

async function askGit(
  service: GitServiceName,
  repositoryPath: string,
  protocol: string | undefined,
): Promise<Buffer> {
  const git = startGitService({
    service,
    repositoryPath,
    advertise: true,
    environment: protocol === undefined ? {} : { GIT_PROTOCOL: protocol },
  });
  git.stdin.end();
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of git.stdout as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > outputBytesMax) git.stop();
    else parts.push(part);
  }
  if ((await git.ended) !== 0) {
    throw new TreecastError('GIT_FAILED', 'The repository cannot be read on the server.', {
      cause: new Error(git.complaint()),
      fix: 'Tell the operator: the log of the CCM has the words of git.',
    });
  }
  return Buffer.concat(parts);
}
