import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { resolveConnection } from './connection.ts';
import { contextPath, readContext, writeContext } from './context-file.ts';

function temporaryDirectory(t: { after(run: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-context-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('the path comes from TREECAST_CONTEXT, XDG_CONFIG_HOME, HOME, in this order', () => {
  assert.equal(
    contextPath({ TREECAST_CONTEXT: '/a/b.json', XDG_CONFIG_HOME: '/x', HOME: '/h' }),
    '/a/b.json',
  );
  assert.equal(contextPath({ XDG_CONFIG_HOME: '/x', HOME: '/h' }), '/x/treecast/context.json');
  assert.equal(contextPath({ XDG_CONFIG_HOME: 'relative', HOME: '/h' }), '/h/.config/treecast/context.json');
});

test('what is written is read again; the file is the owner’s alone, also when it was not before', async (t) => {
  const path = join(temporaryDirectory(t), 'deep', 'context.json');
  assert.equal(await readContext(path), undefined);
  await writeContext(path, { api: 'http://127.0.0.1:1', token: 'a' });
  chmodSync(path, 0o644);
  await writeContext(path, { api: 'http://127.0.0.1:2', token: 'b' });
  assert.deepEqual(await readContext(path), { api: 'http://127.0.0.1:2', token: 'b' });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(dirname(path)), ['context.json']);
});

test('a context file that makes no sense is INVALID_CONFIGURATION', async (t) => {
  const path = join(temporaryDirectory(t), 'context.json');
  for (const text of [
    '{',
    '{}',
    '{"version":1,"api":"ftp://x","token":"t"}',
    '{"version":2,"api":"http://x","token":"t"}',
  ]) {
    writeFileSync(path, text);
    await assert.rejects(readContext(path), { code: 'INVALID_CONFIGURATION' });
  }
});

test('options win over the environment, the environment over the context file', async (t) => {
  const path = join(temporaryDirectory(t), 'context.json');
  await writeContext(path, { api: 'http://file:1', token: 'file' });
  const env = { TREECAST_CONTEXT: path };
  assert.deepEqual(await resolveConnection({}, env), {
    api: 'http://file:1',
    token: 'file',
    source: 'context',
  });
  const environment = { ...env, TREECAST_API: 'http://env:1/', TREECAST_TOKEN: 'env' };
  assert.deepEqual(await resolveConnection({}, environment), {
    api: 'http://env:1',
    token: 'env',
    source: 'environment',
  });
  assert.deepEqual(await resolveConnection({ api: 'http://option:1', token: 'option' }, environment), {
    api: 'http://option:1',
    token: 'option',
    source: 'option',
  });
});

test('the token of the context file is never sent to another CCM', async (t) => {
  const path = join(temporaryDirectory(t), 'context.json');
  await writeContext(path, { api: 'http://file:1', token: 'file' });
  const env = { TREECAST_CONTEXT: path };
  await assert.rejects(resolveConnection({ api: 'http://other:1' }, env), { code: 'INVALID_INPUT' });
  assert.equal((await resolveConnection({ api: 'http://file:1' }, env)).token, 'file');
});

test('what is no http origin is refused as --api', async () => {
  for (const api of ['nonsense', 'ftp://x', 'file:///etc', 'localhost:7070']) {
    await assert.rejects(resolveConnection({ api, token: 't' }, { HOME: '/nowhere' }), {
      code: 'INVALID_INPUT',
    });
  }
});
