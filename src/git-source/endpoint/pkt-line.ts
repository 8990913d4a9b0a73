// Git's framing: a packet is four hex digits of length (counting themselves) and data; length 0 is a flush packet.

export const flushPacket = Buffer.from('0000');
const lengthBytes = 4;
const packetBytesMax = 65_520;

export interface PacketReader {
  /** Calls `onPacket` for every packet that is complete; `data` undefined means a flush or another special packet (length 0 to 3). */
  read(chunk: Buffer): void;
}

export class PacketError extends Error {}

/** `onPacket` returns false to stop reading: a pack follows the commands of a push. */
export function createPacketReader(
  onPacket: (data: Buffer | undefined, whole: Buffer) => boolean,
): PacketReader {
  let pending: Buffer = Buffer.alloc(0);
  let reading = true;
  return {
    read(chunk) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      while (reading && pending.length >= lengthBytes) {
        const text = pending.toString('latin1', 0, lengthBytes);
        if (!/^[0-9a-fA-F]{4}$/.test(text)) throw new PacketError('not a packet length');
        const length = Number.parseInt(text, 16);
        if (length > packetBytesMax) throw new PacketError('packet too long');
        if (length < lengthBytes) {
          const whole = pending.subarray(0, lengthBytes);
          pending = pending.subarray(lengthBytes);
          reading = onPacket(undefined, whole);
          continue;
        }
        if (pending.length < length) return;
        const whole = pending.subarray(0, length);
        pending = pending.subarray(length);
        reading = onPacket(whole.subarray(lengthBytes), whole);
      }
    },
  };
}

export function packet(data: Buffer | string): Buffer {
  const bytes = Buffer.from(data as string);
  return Buffer.concat([Buffer.from((bytes.length + lengthBytes).toString(16).padStart(4, '0')), bytes]);
}

/** A line for the pusher's terminal, which Git prints after `remote: `. */
export function messagePacket(line: string): Buffer {
  return packet(`\x02${line}\n`);
}

/** What git receive-pack itself sends when it has nothing to say for a while. */
export const keepAlivePacket = packet('\x01');
