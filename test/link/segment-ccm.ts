// A whole CCM in this process, and nodes without agents that say what the test has them say.

import { join } from 'node:path';
import { pino } from 'pino';
import { type Ccm, runCcm } from '../../src/ccm/ccm.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import type { Hello } from '../../src/model/messages.ts';
import { type TestScope, temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { connectSegmentNode, type SegmentNode } from './segment-node.ts';

export interface SegmentCcm {
  readonly ccm: Ccm;
  /** Ends it and starts it again, with the same ports. */
  restart(): Promise<void>;
  readonly client: Client;
  /** Of an admin. */
  readonly token: string;
  /** Joins first, unless it has. */
  connect(name: string, isNew?: boolean, hello?: Partial<Hello>): Promise<SegmentNode>;
}

export async function segmentCcm(t: TestScope): Promise<SegmentCcm> {
  const directory = temporaryDirectory(t);
  const start = (listen = '127.0.0.1:0', agentListen = listen): Promise<Ccm> =>
    runCcm({
      directory: join(directory, 'ccm'),
      listen,
      agentListen,
      logger: pino({ level: 'silent' }),
      create: true,
    });
  let ccm = await start();
  t.after(() => ccm.close());
  const { secret } = ccm.registry.tokens.create({ name: 'test', roles: ['admin', 'author'] }, 'test');
  const client = createClient({ api: ccm.api, token: secret });
  const nodes: SegmentNode[] = [];
  t.after(() => {
    for (const { socket } of nodes) socket.terminate();
  });
  async function connect(name: string, isNew = true, hello: Partial<Hello> = {}): Promise<SegmentNode> {
    const token = isNew ? (await client.joinTokens.create()).token : undefined;
    const node = await connectSegmentNode(name, join(directory, name), token, hello);
    nodes.push(node);
    return node;
  }
  return {
    get ccm() {
      return ccm;
    },
    client,
    token: secret,
    connect,
    async restart() {
      await ccm.close();
      ccm = await start(new URL(ccm.api).host, new URL(ccm.agentUrl).host);
    },
  };
}
