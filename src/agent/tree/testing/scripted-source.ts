// A source of the tree whose faults are the test's: it serves an assignment by ranges over real TLS, up to what it has, as it is told.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { blockCount, blockRange } from '../../../assignment/block-layout.ts';
import type { EncodedAssignment } from '../../../assignment/encode-assignment.ts';
import { parseByteRange } from '../../../net/http/byte-range.ts';
import type { TestScope } from '../../../net/testing/temporary-directory.ts';
import { heldAnswer } from '../../leader/ask-held.ts';
import type { KitCcm } from '../../leader/testing/kit-ccm.ts';
import { runScriptedLeader } from '../../link/testing/scripted-leader.ts';
import type { KitPlace } from './tree-kit.ts';

export interface ScriptedSource extends KitPlace {
  /** Ranges of data that were asked for, in bytes. */
  readonly asked: (readonly [number, number])[];
  /** How often it was asked what it holds. */
  probes(): number;
  /** What it gives and what it says change from now on. */
  behave(as: Partial<Behaviour>): void;
  stop(): void;
}

export interface Behaviour {
  /** Blocks that it gives; the first that it does not give ends nothing and is not answered. */
  readonly gives: (index: number) => boolean;
  /** Blocks that it says it holds; undefined: it does not answer. */
  readonly says: ((index: number) => boolean) | undefined;
  /** Between blocks. */
  readonly pauseMs: number;
  readonly data: Buffer;
  /** The manifest comes byte by byte. */
  readonly drips: boolean;
  /** Answers everything with it. */
  readonly status: number | undefined;
}

export async function runScriptedSource(
  t: TestScope,
  ccm: KitCcm,
  node: string,
  { header, manifest, data }: EncodedAssignment,
  as: Partial<Behaviour> = {},
): Promise<ScriptedSource> {
  const always = (): boolean => true;
  let behaviour: Behaviour = {
    gives: always,
    says: always,
    pauseMs: 0,
    data,
    drips: false,
    status: undefined,
    ...as,
  };
  let probes = 0;
  const asked: (readonly [number, number])[] = [];
  const waiting = new Set<() => void>();

  async function give(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const what = request.url?.split('/').at(-1);
    if (behaviour.status !== undefined) {
      const error = { code: behaviour.status === 404 ? 'NOT_FOUND' : 'TICKET_INVALID', message: 'No.' };
      response.writeHead(behaviour.status).end(JSON.stringify({ error }));
      return;
    }
    if (what === 'held') {
      probes += 1;
      const { says } = behaviour;
      if (says !== undefined) response.end(JSON.stringify(heldAnswer(blockCount(header), says)));
      return;
    }
    const file = what === 'manifest' ? manifest : behaviour.data;
    const range = parseByteRange(request.headers.range, file.length);
    if (typeof range === 'string') throw new Error('a leader asks for ranges that are there');
    if (what === 'data') asked.push([range.start, range.end]);
    response.writeHead(206, { 'content-range': `bytes ${range.start}-${range.end}/${file.length}` });
    response.flushHeaders();
    if (what === 'manifest') {
      for (let at = 0; behaviour.drips && at < file.length - 1 && !response.destroyed; at++) {
        response.write(file.subarray(at, at + 1));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      response.end(behaviour.drips ? file.subarray(-1) : file);
      return;
    }
    for (let index = 0; index < blockCount(header) && !response.destroyed; index++) {
      const { offset, length } = blockRange(header, index);
      if (offset + length <= range.start || offset > range.end) continue;
      while (!behaviour.gives(index) && !response.destroyed) {
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
          response.once('close', resolve);
        });
      }
      response.write(behaviour.data.subarray(offset, offset + length));
      if (behaviour.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, behaviour.pauseMs));
    }
    response.end();
  }

  const { place, stop } = await runScriptedLeader(t, ccm.certificates, node, {
    onRequest: (request, response) => void give(request, response),
  });
  return {
    node,
    port: place.port,
    asked,
    probes: () => probes,
    behave(changed) {
      behaviour = { ...behaviour, ...changed };
      for (const wake of waiting) wake();
      waiting.clear();
    },
    stop,
  };
}
