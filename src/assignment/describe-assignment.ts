// What an assignment says, for people and programs: `treecast assignment inspect`. Needs no key; says what was and was not checked.

import type { KeyObject } from 'node:crypto';
import type { AssignmentHeader, Command } from '../model/assignment.ts';
import { blockCount, blockRange, verifyBlock } from './block-layout.ts';
import { splitManifest } from './manifest-frame.ts';
import { readUnverifiedManifest } from './read-manifest.ts';
import { verifyBytes } from './signed.ts';

export interface DescribeOptions {
  /** The data file, whole; its blocks are then checked against the header. */
  readonly data?: Uint8Array;
  /** Release keys; the signature is checked when there are some. */
  readonly keys?: readonly KeyObject[];
  /** Commands listed at most (all are checked); all when absent. */
  readonly commandsMax?: number;
}

export interface AssignmentDescription {
  readonly header: AssignmentHeader;
  readonly manifestBytes: number;
  readonly blocks: number;
  /** `unverified`: no key was given. */
  readonly signature: 'verified' | 'invalid' | 'unverified';
  /** `absent`: no data was given; else the numbers of the blocks that are missing or not as signed. */
  readonly data: 'absent' | { readonly corruptBlocks: readonly number[] };
  readonly commands: readonly Command[];
  readonly commandsOmitted: number;
}

/** Throws what `readManifest` throws when the manifest itself is malformed. */
export function describeAssignment(
  manifestBytes: Uint8Array,
  options: DescribeOptions = {},
): AssignmentDescription {
  const { header, commands } = readUnverifiedManifest(manifestBytes);
  const commandsMax = options.commandsMax ?? Number.POSITIVE_INFINITY;
  const listed: Command[] = [];
  let omitted = 0;
  for (const command of commands()) {
    if (listed.length < commandsMax) listed.push(command);
    else omitted++;
  }
  return {
    header,
    manifestBytes: manifestBytes.length,
    blocks: blockCount(header),
    signature: signatureState(manifestBytes, options.keys ?? []),
    data: options.data === undefined ? 'absent' : { corruptBlocks: corruptBlocks(header, options.data) },
    commands: listed,
    commandsOmitted: omitted,
  };
}

function signatureState(bytes: Uint8Array, keys: readonly KeyObject[]): AssignmentDescription['signature'] {
  if (keys.length === 0) return 'unverified';
  const { signed, signature } = splitManifest(bytes);
  return verifyBytes(signed, signature, keys) ? 'verified' : 'invalid';
}

function corruptBlocks(header: AssignmentHeader, data: Uint8Array): number[] {
  const corrupt: number[] = [];
  for (let index = 0; index < blockCount(header); index++) {
    const { offset, length } = blockRange(header, index);
    try {
      verifyBlock(header, index, data.subarray(offset, offset + length));
    } catch {
      corrupt.push(index);
    }
  }
  return corrupt;
}
