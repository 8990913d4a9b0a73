import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PluginError } from 'treecast/plugin';
import { parseOldWorkers, parseSessions } from './old-processes.ts';
import { parseServersState } from './servers-state.ts';
import { parseStatCsv } from './stat-csv.ts';

const needed = ['pxname', 'svname', 'scur', 'qcur', 'status'];
const column = fc.stringMatching(/^[a-z_]{1,8}[0-9]{1,3}$/);
const field = fc.string({
  unit: fc.constantFrom('a', 'Z', '0', ' ', ',', '"', '\n', '/', 'é'),
  maxLength: 8,
});

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

test('show stat: every table that HAProxy can write is read back', () => {
  const table = fc
    .uniqueArray(column, { maxLength: 6 })
    .chain((more) =>
      fc.tuple(
        fc.constant([...needed, ...more]),
        fc.array(fc.array(field, { minLength: 11, maxLength: 11 }), { maxLength: 5 }),
      ),
    );
  fc.assert(
    fc.property(table, fc.boolean(), ([columns, rows], trailing) => {
      const end = trailing ? ',' : '';
      const cells = rows.map((row) => columns.map((_, index) => row[index] ?? ''));
      const text = `# ${columns.join(',')}${end}\n${cells.map((row) => `${row.map(quoted).join(',')}${end}\n`).join('')}\n`;
      assert.deepEqual(
        parseStatCsv(text).map((row) => columns.map((name) => row.get(name))),
        cells,
      );
    }),
  );
});

test('show stat, show servers state: any other text is refused as what it is', () => {
  for (const parse of [parseStatCsv, parseServersState])
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        assert.throws(() => parse(text), PluginError);
      }),
    );
});

test('show sess, show proc: any text gives a list', () => {
  for (const parse of [parseSessions, parseOldWorkers])
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.ok(Array.isArray(parse(text)))));
});

test('show servers state: admin flags, weights, checks; columns by name', () => {
  const row = (admin: number, op: number, check: number) =>
    `3 app 1 web1 127.0.0.1 ${op} ${admin} 25 100 1 1 0 2 0 ${check} 0`;
  const head =
    '# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state';
  const parse = (line: string) =>
    parseServersState(
      `1\n${head.replace('srv_check_health srv_check_state', 'srv_check_health x srv_check_state')}\n${line}\n\n`,
    )[0];
  const asked = (admin: number) => parse(row(admin, 2, 6))?.asked;
  for (const flag of [0, 0x04]) assert.equal(asked(flag), 'ready');
  for (const flag of [0x08, 0x10, 0x18]) assert.equal(asked(flag), 'drain');
  for (const flag of [0x01, 0x02, 0x20, 0x40, 0x09, 0x05]) assert.equal(asked(flag), 'maint');
  assert.deepEqual(parse(row(0, 0, 6)), {
    backend: 'app',
    server: 'web1',
    asked: 'ready',
    up: false,
    checked: true,
    weight: 25,
    usualWeight: 100,
  });
  assert.equal(parse(row(0, 2, 0))?.checked, false);
});

test('show proc: old workers only; show sess: those with a server only', () => {
  const text = [
    '#<PID>          <type>          <reloads>       <uptime>        <version>      ',
    '2176            master          1 [failed: 0]   0d00h00m04s     2.6.12-1+deb12u4',
    '# workers',
    '2236            worker          0               0d00h00m01s     2.6.12-1+deb12u4',
    '# old workers',
    '2178            worker          1               0d00h00m04s     2.6.12-1+deb12u4',
    '2170            worker          2               0d00h00m09s     2.6.12-1+deb12u4',
    '# programs',
    '2171            prog            2               0d00h00m09s',
    '',
  ].join('\n');
  assert.deepEqual(parseOldWorkers(text), [2178, 2170]);
  assert.deepEqual(parseOldWorkers(text.split('# old')[0] ?? ''), []);
  assert.deepEqual(
    parseSessions(
      [
        '0x55b84758b2e0: proto=tcpv4 src=127.0.0.1:53552 fe=f be=app srv=web1 ts=00 epoch=0 age=9s calls=4',
        '0x7ff5f0039e60: proto=sockpair src=unix:4 fe=GLOBAL be=<NONE> srv=<none> ts=00 epoch=0',
        '0x7ff5f0039e61: proto=tcpv4 src=127.0.0.1:5 fe=f be=app srv=<none> ts=00 epoch=0',
        '',
      ].join('\n'),
    ),
    [{ id: '0x55b84758b2e0', label: 'app/web1' }],
  );
});
