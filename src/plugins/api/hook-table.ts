// Every hook there is, as a row: where it runs, how several plugins' answers combine, how long it may take, what a failure does,
// and whether it runs in a dry run. The host reads this table; it knows no hook by name otherwise.

/** Where a plugin runs: beside a web server, on a group leader, on the content control manager. */
export const pluginPlaces = ['agent', 'gl', 'ccm'] as const;
export type PluginPlace = (typeof pluginPlaces)[number];

/**
 * `sequential`: one plugin after another in the order of the configuration, up to the first failure. `parallel`: all at once, all
 * failures are told. `first`: only the plugin that is asked by name (commands).
 */
export type HookKind = 'sequential' | 'parallel' | 'first';

/**
 * `abort`: the release is not staged on this node, nothing changes. `stale`: the release is live here, but the node is reported as
 * stale (and kept out by a balancer). `retry`: the work stays owed and is tried again. `report`: it is logged and shown.
 */
export type FailurePolicy = 'abort' | 'stale' | 'retry' | 'report';

export interface HookRow {
  readonly places: readonly PluginPlace[];
  readonly kind: HookKind;
  /** Default limit in milliseconds; `timeouts` in the configuration changes it. */
  readonly timeoutMs: number;
  readonly onFailure: FailurePolicy;
  /** Whether it is called in a dry run, with `call.dryRun` set: then it judges and changes nothing. */
  readonly dryRun: boolean;
  readonly summary: string;
}

const agent: readonly PluginPlace[] = ['agent'];
const central: readonly PluginPlace[] = ['ccm', 'gl'];

export const hookTable = {
  attach: {
    places: agent,
    kind: 'sequential',
    timeoutMs: 60_000,
    onFailure: 'report',
    dryRun: false,
    summary: 'a site is here (at start, or newly granted): point the server at its live link',
  },
  detach: {
    places: agent,
    kind: 'sequential',
    timeoutMs: 60_000,
    onFailure: 'report',
    dryRun: false,
    summary: 'a site was taken from this node: let go of it',
  },
  prepare: {
    places: agent,
    kind: 'first',
    timeoutMs: 60_000,
    onFailure: 'abort',
    dryRun: true,
    summary: 'a command of this plugin was staged: judge it, change nothing outside the state directory',
  },
  beforeSwitch: {
    places: agent,
    kind: 'sequential',
    timeoutMs: 60_000,
    onFailure: 'abort',
    dryRun: true,
    summary: 'a release is staged: the node’s vote, before `staged` is reported',
  },
  switch: {
    places: agent,
    kind: 'sequential',
    timeoutMs: 60_000,
    onFailure: 'stale',
    dryRun: false,
    summary: 'the live link was moved: move what does not follow it',
  },
  apply: {
    places: agent,
    kind: 'first',
    timeoutMs: 120_000,
    onFailure: 'stale',
    dryRun: false,
    summary: 'carry a command out, after the switch; repeating it does no harm',
  },
  afterSwitch: {
    places: agent,
    kind: 'sequential',
    timeoutMs: 60_000,
    onFailure: 'stale',
    dryRun: false,
    summary: 'reload, reset caches: what must follow the switch',
  },
  probe: {
    places: agent,
    kind: 'parallel',
    timeoutMs: 60_000,
    onFailure: 'stale',
    dryRun: false,
    summary: 'is what is served healthy; a failure with `switchBack` returns this node to its former tree',
  },
  abandon: {
    places: agent,
    kind: 'sequential',
    timeoutMs: 30_000,
    onFailure: 'report',
    dryRun: false,
    summary: 'a staged release was given up: forget what was prepared for it',
  },
  drain: {
    places: central,
    kind: 'parallel',
    timeoutMs: 180_000,
    onFailure: 'report',
    dryRun: false,
    summary: 'take nodes out of service and wait for their sessions, within a bound',
  },
  restore: {
    places: central,
    kind: 'parallel',
    timeoutMs: 60_000,
    onFailure: 'retry',
    dryRun: false,
    summary: 'put nodes back into service',
  },
  weigh: {
    places: central,
    kind: 'parallel',
    timeoutMs: 30_000,
    onFailure: 'report',
    dryRun: false,
    summary: 'set the weight of nodes, on request',
  },
  inspect: {
    places: central,
    kind: 'parallel',
    timeoutMs: 30_000,
    onFailure: 'report',
    dryRun: true,
    summary: 'what the balancer says of the nodes now; changes nothing',
  },
  invalidate: {
    places: central,
    kind: 'parallel',
    timeoutMs: 120_000,
    onFailure: 'retry',
    dryRun: false,
    summary: 'caches forget exactly what changed',
  },
  warm: {
    places: central,
    kind: 'parallel',
    timeoutMs: 120_000,
    onFailure: 'report',
    dryRun: false,
    summary: 'caches fetch what is asked for most',
  },
  reindex: {
    places: central,
    kind: 'parallel',
    timeoutMs: 120_000,
    onFailure: 'retry',
    dryRun: false,
    summary: 'search engines hear which pages changed, after they are live',
  },
  notify: {
    places: central,
    kind: 'parallel',
    timeoutMs: 30_000,
    onFailure: 'retry',
    dryRun: false,
    summary: 'tell people and Git hosts how a job goes',
  },
} as const satisfies Record<string, HookRow>;

export type HookName = keyof typeof hookTable;
export const hookNames = Object.keys(hookTable) as HookName[];

/** The row of a hook, without its literal types. */
export function hookRow(name: HookName): HookRow {
  return hookTable[name];
}
