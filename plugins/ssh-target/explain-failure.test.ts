import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { explainFailure } from './explain-failure.ts';
import { sshTargetConfigSchema } from './ssh-target-config.ts';

const minimal = {
  destination: 'treecast@web7.example.org',
  identityFile: '/etc/treecast/key',
  knownHostsFile: '/etc/treecast/known_hosts',
  root: '/srv/sites',
};
const config = sshTargetConfigSchema.parse(minimal);

test('what ssh and rsync say becomes what happened and what to do', () => {
  for (const [code, stderr, what, fix] of [
    [255, 'ssh: connect to host web7 port 22: No route to host', /cannot be reached/, /port is open/],
    [255, 'kex_exchange_identification: read: Connection reset by peer', /cannot be reached/, /runs/],
    [255, 'Permission denied (publickey).', /key is refused/, /public key of \/etc\/treecast\/key/],
    [
      11,
      'rsync: write failed: No space left on device (28)',
      /disk is full/,
      /Free space below \/srv\/sites/,
    ],
    [23, 'rsync: mkstemp failed: Permission denied (13)', /cannot be written/, /own \/srv\/sites/],
    [12, 'sh: 1: rsync: not found', /program is missing/, /Install rsync/],
    [30, 'rsync error: timeout in data send/receive (code 30)', /cannot be reached/, /runs/],
    [255, '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @', /another one than before/, /known_hosts/],
    [255, '@ WARNING: UNPROTECTED PRIVATE KEY FILE! @ Permission denied (publickey)', /others/, /chmod 600/],
    [2, 'protocol version mismatch -- is your shell clean?', /shell prints something/, /print nothing/],
    [99, '', /exit code 99/, /log/],
  ] as const) {
    const error = explainFailure({ code, stderr }, config);
    assert.match(error.message, what, stderr);
    assert.match(error.fix ?? '', fix, stderr);
    assert.ok(error.message.startsWith('treecast@web7.example.org: '));
  }
});

test('whatever is written in the configuration, no word of it is more than a word', () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[-/a-z@:. '"$;%\\]{1,20}$/),
    fc.constantFrom('/srv/..', '-oProxyCommand=x', 'a@-b', '/a b', '/a%h', 'u@h/x', 'u@::1', 'root@web'),
  );
  fc.assert(
    fc.property(fc.record({ destination: text, root: text, identityFile: text }), (values) => {
      const read = sshTargetConfigSchema.safeParse({ ...minimal, ...values });
      if (!read.success) return;
      const { destination, root, identityFile } = read.data;
      for (const word of [destination, root, identityFile])
        assert.doesNotMatch(word, /^-|[^A-Za-z0-9_@+,./:-]/);
      assert.ok(!root.split('/').includes('..'));
      assert.doesNotMatch(destination, /@-/);
    }),
  );
});
