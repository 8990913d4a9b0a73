// The head of a receive-pack request: ref updates, capabilities, push options; everything before the pack. Read while it passes by on its
// way to Git, which remains the judge of it.

import type { RefUpdate } from '../push-authority.ts';
import { isObjectId } from '../ref-name.ts';
import { createPacketReader, PacketError } from './pkt-line.ts';

export interface PushRequest {
  readonly updates: readonly RefUpdate[];
  readonly capabilities: ReadonlySet<string>;
  readonly options: readonly string[];
}

export interface PushRequestReader {
  /** Throws PacketError when the head is malformed or too large. */
  read(chunk: Buffer): void;
  /** Undefined until the head is complete. */
  request(): PushRequest | undefined;
}

const headBytesMax = 1_048_576;
const optionsMax = 64;

export function createPushRequestReader(): PushRequestReader {
  const updates: RefUpdate[] = [];
  const options: string[] = [];
  let capabilities: ReadonlySet<string> = new Set();
  let section: 'updates' | 'options' | 'done' = 'updates';
  let headBytes = 0;

  function readUpdate(data: Buffer): void {
    const text = data.toString('utf8').replace(/\n$/, '');
    if (text.startsWith('shallow ')) return;
    const [command = '', list] = text.split('\0');
    if (list !== undefined) capabilities = new Set(list.split(' ').filter(Boolean));
    const [before = '', after = '', ...ref] = command.split(' ');
    if (!isObjectId(before) || !isObjectId(after) || ref.length !== 1)
      throw new PacketError('not a ref update');
    updates.push({ ref: ref[0] as string, before, after });
  }

  const reader = createPacketReader((data, whole) => {
    headBytes += whole.length;
    if (headBytes > headBytesMax) throw new PacketError('too many ref updates or push options');
    if (data === undefined) {
      section = section === 'updates' && capabilities.has('push-options') ? 'options' : 'done';
    } else if (section === 'updates') readUpdate(data);
    else {
      if (options.length >= optionsMax) throw new PacketError('too many push options');
      options.push(data.toString('utf8').replace(/\n$/, ''));
    }
    return section !== 'done';
  });

  return {
    read(chunk) {
      if (section === 'done') return;
      reader.read(chunk);
    },
    request: () => (section === 'done' ? { updates, capabilities, options } : undefined),
  };
}
