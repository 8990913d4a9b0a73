// Who may import whom (docs/ARCHITECTURE.md), as data. A folder not listed here may not hold code at all.
// `allowances` name single arrows beyond the table, each with its reason; one that no file uses any more fails the check.

export interface FolderRule {
  readonly folder: string;
  /** Folders whose files this folder's files may import, besides its own. */
  readonly mayImport: readonly string[];
  /** npm packages and `node:` modules: all of them unless listed here; `node:*` stands for all of Node's own. */
  readonly packages?: readonly string[];
  /** Nothing ambient: no clock, randomness, timers, promises or console; all of it comes in from outside. */
  readonly pure?: boolean;
}

export interface Allowance {
  /** A file, or a folder ending in `/`. */
  readonly from: string;
  /** A file, or a folder ending in `/`. */
  readonly to: string;
  readonly because: string;
}

export interface ImportRules {
  readonly folders: readonly FolderRule[];
  readonly allowances: readonly Allowance[];
}

const shared = [
  'src/model',
  'src/faults',
  'src/slices',
  'src/protocol',
  'src/assignment',
  'src/delta',
  'src/plugins',
  'src/client',
];

/** Of Treecast the public API alone. */
const pluginPackages = ['treecast/plugin', 'treecast/plugin/testing', 'node:*'];

export const importRules: ImportRules = {
  folders: [
    { folder: 'src/model', mayImport: [], packages: [] },
    { folder: 'src/protocol', mayImport: ['src/model'], packages: [], pure: true },
    { folder: 'src/assignment', mayImport: ['src/model'] },
    { folder: 'src/faults', mayImport: [] },
    { folder: 'src/slices', mayImport: ['src/model'] },
    { folder: 'src/delta', mayImport: ['src/model', 'src/faults', 'src/slices', 'src/assignment'] },
    { folder: 'src/plugins', mayImport: ['src/model', 'src/faults'] },
    { folder: 'src/client', mayImport: ['src/model'] },
    { folder: 'src/git-source', mayImport: shared },
    { folder: 'src/net', mayImport: shared },
    { folder: 'src/ccm', mayImport: [...shared, 'src/git-source', 'src/net'] },
    { folder: 'src/agent', mayImport: [...shared, 'src/git-source', 'src/net'] },
    { folder: 'src/sim', mayImport: ['src/model', 'src/protocol'] },
    { folder: 'src/cli', mayImport: ['src/model', 'src/client'] },
    { folder: 'console', mayImport: ['src/model', 'src/client'] },
    { folder: 'plugins', mayImport: [], packages: [...pluginPackages, 'nginx-conf', 'fast-xml-parser'] },
    { folder: 'examples', mayImport: [], packages: pluginPackages },
    { folder: 'bench', mayImport: ['src', 'test/lab'] },
    { folder: 'test', mayImport: ['src', 'bench'] },
  ],
  allowances: [
    {
      from: 'src/plugins/',
      to: 'src/net/atomic-file.ts',
      because: 'plugins replace configuration files as state is replaced',
    },
    { from: 'src/cli/ccm-entry.ts', to: 'src/ccm/ccm.ts', because: 'the entry point of the CCM' },
    { from: 'src/cli/agent-entry.ts', to: 'src/agent/', because: 'the entry points of the agent' },
    {
      from: 'src/cli/configuration-kinds.ts',
      to: 'src/agent/configuration/',
      because: 'the published JSON Schema of agent.yaml, and `config check`',
    },
    { from: 'src/cli/', to: 'src/assignment/describe-assignment.ts', because: '`assignment inspect`' },
    {
      from: 'src/cli/',
      to: 'src/net/link/rate-limit-schema.ts',
      because: 'limits are written in files as the API takes them',
    },
    {
      from: 'src/cli/',
      to: 'src/net/http/listen-address.ts',
      because: 'addresses are written as in the files',
    },
    {
      from: 'src/cli/',
      to: 'src/net/yaml-file.ts',
      because: 'its files are judged as the programs judge theirs',
    },
    {
      from: 'src/cli/',
      to: 'src/plugins/',
      because: 'plugins in configuration files; the kit: `plugin create`, `plugin test`',
    },
    { from: 'src/cli/', to: 'src/net/atomic-file.ts', because: 'contexts and tokens are kept as state is' },
    { from: 'src/cli/', to: 'src/sim/', because: '`simulate election`, `simulate mctp`, `simulate tree`' },
    {
      from: 'src/cli/ccm-configuration.ts',
      to: 'src/protocol/segment/',
      because: 'timers in ccm.yaml are judged as the machines need them',
    },
    {
      from: 'bench/purge/',
      to: 'plugins/cache-purge/testing/measure-purge.ts',
      because: 'the plugin itself is measured, as its tests start it',
    },
    { from: 'src/cli/up/', to: 'src/net/state-lock.ts', because: '`up` owns a state directory' },
  ],
};

/** What a pure folder may not name, and what it uses instead. */
export const ambientThings: readonly {
  readonly pattern: RegExp;
  readonly name: string;
  readonly instead: string;
}[] = [
  { pattern: /\bPromise\b|\basync\b|\bawait\b/, name: 'promises', instead: 'return effects and take events' },
  { pattern: /\bDate\b|\bperformance\b/, name: 'a clock', instead: 'take `now` as an argument' },
  {
    pattern: /\bMath\.random\b|\bcrypto\b/,
    name: 'randomness',
    instead: 'take a seeded source as an argument',
  },
  { pattern: /\bset(?:Timeout|Interval|Immediate)\b/, name: 'timers', instead: 'return the next deadline' },
  { pattern: /\bconsole\./, name: 'logging', instead: 'return what happened as data' },
];
