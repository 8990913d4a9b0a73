import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { PluginError } from 'treecast/plugin';
import { listen } from 'treecast/plugin/testing';
import { readPoolState } from './ask-pool.ts';
import { askFastCgi, parseCgi } from './fast-cgi.ts';
import {
  createRecordDecoder,
  encodeParams,
  encodeRecords,
  encodeRequest,
  recordTypes,
} from './fast-cgi-records.ts';

function decodeParams(bytes: Buffer): [string, string][] {
  const found: [string, string][] = [];
  let at = 0;
  const length = (): number => {
    const first = bytes.readUInt8(at);
    const long = first >= 128;
    const value = long ? bytes.readUInt32BE(at) & 0x7f_ff_ff_ff : first;
    at += long ? 4 : 1;
    return value;
  };
  const text = (size: number): string => {
    at += size;
    return bytes.toString('utf8', at - size, at);
  };
  while (at < bytes.length) {
    const [nameLength, valueLength] = [length(), length()];
    const name = text(nameLength);
    found.push([name, text(valueLength)]);
  }
  return found;
}

const texts = fc.string({ unit: 'grapheme', maxLength: 400 });

test('parameters survive their encoding, short and long', () => {
  fc.assert(
    fc.property(fc.dictionary(texts, texts), (params) => {
      assert.deepEqual(decodeParams(encodeParams(params)), Object.entries(params));
    }),
  );
});

test('records come out as they went in, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...Object.values(recordTypes)), fc.uint8Array({ maxLength: 300 }))),
      fc.integer({ min: 1, max: 40 }),
      (records, step) => {
        const bytes = Buffer.concat(records.map(([type, content]) => encodeRecords(type, content)));
        const decode = createRecordDecoder();
        const found = [];
        for (let at = 0; at < bytes.length; at += step) found.push(...decode(bytes.subarray(at, at + step)));
        assert.deepEqual(
          found.map(({ type, content }) => [type, Buffer.from(content).toString('hex')]),
          records.map(([type, content]) => [type, Buffer.from(content).toString('hex')]),
        );
      },
    ),
  );
});

test('content that no record can hold is split', () => {
  const content = Buffer.alloc(150_000, 'x');
  const records = createRecordDecoder()(encodeRecords(recordTypes.stdout, content));
  assert.equal(records.length, 3);
  assert.deepEqual(Buffer.concat(records.map((record) => record.content)), content);
});

test('bytes that are not FastCGI are refused or waited for, never misread', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        const records = createRecordDecoder()(bytes);
        assert.ok(records.every(({ content }) => content.length <= bytes.length));
      } catch (error) {
        assert.ok(error instanceof PluginError);
      }
    }),
  );
});

test('answers of any kind are read without an exception', () => {
  fc.assert(
    fc.property(texts, (text) => {
      assert.ok(Number.isInteger(parseCgi(text).status));
      assert.equal(readPoolState(`${text}treecast-answer:${text}`), null);
    }),
  );
  assert.deepEqual(parseCgi('Status: 404 Not Found\r\nA: b\r\n\r\nbody'), { status: 404, body: 'body' });
  assert.deepEqual(parseCgi('A: b\n\nbody\n\nmore'), { status: 200, body: 'body\n\nmore' });
});

async function serve(answer: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  return { port: await listen(server), server };
}

const endRequest = (status: number): Buffer =>
  encodeRecords(recordTypes.endRequest, Buffer.from([0, 0, 0, 0, status, 0, 0, 0]));

test('servers that answer wrong are told apart in clear words', async (t) => {
  const ask = async (answer: (socket: Socket) => void, timeoutMs = 5_000) => {
    const { port, server } = await serve(answer);
    t.after(() => server.close());
    return askFastCgi({ host: '127.0.0.1', port }, {}, { signal: AbortSignal.timeout(20_000), timeoutMs });
  };
  const refused = (expected: RegExp) => (error: unknown) => {
    assert.ok(error instanceof PluginError && error.fix !== undefined, String(error));
    assert.match(error.message, expected);
    return true;
  };
  const much = encodeRecords(recordTypes.stdout, Buffer.alloc(300_000));
  await assert.rejects(
    ask((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    refused(/does not speak FastCGI/),
  );
  await assert.rejects(
    ask((socket) => socket.end(much)),
    refused(/more than 262144 bytes/),
  );
  await assert.rejects(
    ask((socket) => socket.end()),
    refused(/closed the connection/),
  );
  await assert.rejects(
    ask((socket) => socket.end(endRequest(2))),
    refused(/it is overloaded/),
  );
  await assert.rejects(
    ask(() => undefined, 100),
    refused(/did not answer within 0.1 s/),
  );
  const good = await ask((socket) =>
    socket.end(
      Buffer.concat([
        encodeRecords(recordTypes.stderr, Buffer.from('a warning\n')),
        encodeRecords(recordTypes.stdout, Buffer.from('Status: 201\r\n\r\nmade')),
        endRequest(0),
      ]),
    ),
  );
  assert.deepEqual(good, { status: 201, body: 'made', errors: 'a warning' });
});

test('a request that is stopped ends at once', async (t) => {
  const stopping = new AbortController();
  const { port, server } = await serve(() => stopping.abort());
  t.after(() => server.close());
  await assert.rejects(
    askFastCgi({ host: '127.0.0.1', port }, { A: 'b' }, { signal: stopping.signal, timeoutMs: 20_000 }),
    /was asked, but this hook was stopped/,
  );
  assert.ok(encodeRequest({ A: 'b' }).length > encodeRequest({}).length);
});
