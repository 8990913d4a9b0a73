// A TreecastError as the answer on a socket that HTTP has given away: to an upgrade, or to CONNECT. The connection ends with it.

import type { Duplex } from 'node:stream';
import { errorCodes } from '../../model/error-codes.ts';
import { toWireError } from '../../model/treecast-error.ts';

export function refuseSocket(socket: Duplex, error: unknown): void {
  const wire = toWireError(error);
  const body = JSON.stringify({ error: wire });
  socket.end(
    `HTTP/1.1 ${errorCodes[wire.code].http} Refused\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
