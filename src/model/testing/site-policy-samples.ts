// Policies of drain and commands for the tests of both edges, the YAML file and the API: they take and refuse the same.

const drain = {
  batch: { count: 1, share: 0.25 },
  minInService: { count: 1, share: 0.5 },
  onFailure: 'hold',
};
const command = { name: 'nginx.site', parameters: { file: 'nginx.conf', deep: [{ a: null }, 1.5, 'ü'] } };

export const rightPolicies: readonly unknown[] = [
  { drain, commands: [command] },
  { drain: { ...drain, onFailure: 'force', settleMs: 120_000 } },
  { drain: null, commands: [] },
  { commands: Array.from({ length: 64 }, () => command) },
];

const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });
/** With what the refusal names. */
export const wrongPolicies: readonly (readonly [unknown, RegExp])[] = [
  [{ drain: { ...drain, batch: { count: 1, share: 1.5 } } }, /share/],
  [{ drain: { ...drain, onFailure: 'skip' } }, /onFailure/],
  [{ drain: { ...drain, settleMs: 10 } }, /settleMs/],
  [{ drain: { batch: drain.batch } }, /minInService/],
  [{ drain: { ...drain, wait: 1 } }, /wait/],
  [{ commands: [{ ...command, name: 'nginx' }] }, /name/],
  [{ commands: [{ ...command, name: 'nginx:site' }] }, /name/],
  [{ commands: [{ ...command, name: 'a.b.c' }] }, /name/],
  [{ commands: [{ ...command, name: '-x.y' }] }, /name/],
  [{ commands: [{ ...command, parameters: { '1 x': 1 } }] }, /parameters/],
  [{ commands: [{ ...command, parameters: { x: Number.NaN } }] }, /JSON cannot carry/],
  [{ commands: [{ ...command, parameters: { x: new Date(0) } }] }, /JSON cannot carry/],
  [{ commands: [{ ...command, parameters: { x: '\ud800' } }] }, /JSON cannot carry/],
  [{ commands: [{ ...command, parameters: { x: nested(40) } }] }, /deeper than 32/],
  [{ commands: [{ ...command, parameters: { x: 'x'.repeat(70_000) } }] }, /64 KiB/],
  [{ commands: Array.from({ length: 65 }, () => command) }, /64/],
];
