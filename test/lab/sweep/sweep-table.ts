// The sweep's table: in which kinds of work each failpoint is passed, and why not in the others. A test reads the names from the source
// and asks that each is here, and runs every kind of work to see that it passes exactly these.

import { type JobType, jobTypes } from './job-types.ts';

export interface SweepRow {
  /** Swept in each of `passedIn`; the first is where it matters most. */
  readonly failpoints: readonly string[];
  readonly passedIn: readonly JobType[];
  /** Passed or not, by what the background has left to do: neither swept nor asked for. */
  readonly variesIn?: readonly JobType[];
  /** Why in no other. */
  readonly elsewhere: string;
}

const publishes = ['publish', 'publish-large', 'publish-deep', 'publish-plugins', 'switch-back'] as const;
const staged = [...publishes, 'abort', 'synchronize', 'replicate', 'replicate-plugins'] as const;
const switched = [
  ...publishes,
  'rollback',
  'synchronize',
  'replicate',
  'replicate-plugins',
  'restart',
] as const;
const pushed = [...publishes, 'abort', 'fail'] as const;
const withPlugins = ['publish-plugins', 'switch-back', 'replicate-plugins'] as const;
const joins = ['replicate', 'replicate-plugins'] as const;
const starts = ['synchronize', ...joins, 'join', 'restart', 'start'] as const;

const allBut = (...types: readonly JobType[]): JobType[] => jobTypes.filter((type) => !types.includes(type));

export const sweepTable: readonly SweepRow[] = [
  // The agent stages.
  {
    failpoints: ['agent.stage.entered', 'agent.stage.caught-up', 'agent.stage.carried-out'],
    passedIn: staged,
    variesIn: ['fail'],
    elsewhere: 'nothing is staged',
  },
  {
    failpoints: ['agent.stage.data-dropped', 'agent.stage.synced', 'agent.stage.staged'],
    passedIn: staged,
    elsewhere: 'nothing is staged to its end',
  },
  {
    failpoints: ['agent.stage.tree-made'],
    passedIn: joins,
    elsewhere: 'there is a spare tree to stage into',
  },
  {
    failpoints: ['agent.slot.renamed'],
    passedIn: [...publishes, 'abort', 'synchronize', 'fail'],
    variesIn: ['restart'],
    elsewhere: 'no spare tree is staged into',
  },
  {
    failpoints: ['agent.stage.aborted'],
    passedIn: ['abort'],
    variesIn: ['fail'],
    elsewhere: 'nothing is aborted',
  },
  { failpoints: ['agent.stage.undone'], passedIn: ['fail'], elsewhere: 'no staging fails' },
  {
    failpoints: ['agent.inbox.kept'],
    passedIn: ['publish', 'publish-plugins', 'switch-back', 'abort', 'fail', 'synchronize', 'publish-deep'],
    variesIn: ['replicate-plugins'],
    elsewhere: 'the journal spells the paths out, or nothing is staged, or from nothing',
  },
  {
    failpoints: ['agent.inbox.opened', 'agent.inbox.block-written'],
    passedIn: ['publish-large'],
    elsewhere: 'small assignments are received in memory',
  },
  {
    failpoints: ['agent.inbox.cleaned'],
    passedIn: ['publish-plugins'],
    variesIn: allBut('publish-plugins', 'join', 'configure'),
    elsewhere: 'nothing that was kept stops being needed',
  },
  {
    failpoints: ['agent.index.written'],
    passedIn: [...staged, 'start'],
    variesIn: ['fail', 'restart'],
    elsewhere: 'no tree is new to the index',
  },
  { failpoints: ['agent.index.swept'], passedIn: ['publish-deep'], elsewhere: 'too few directories are new' },
  {
    failpoints: ['agent.journal.written', 'agent.journal.renamed', 'agent.journal.synced'],
    passedIn: [...staged, 'rollback', 'fail', 'restart', 'start'],
    elsewhere: 'the site’s journal stays as it is',
  },

  // The agent switches.
  {
    failpoints: ['agent.live.linked', 'agent.live.moved', 'agent.decision.switched'],
    passedIn: switched.filter((type) => type !== 'restart'),
    elsewhere: 'nothing is switched',
  },
  {
    failpoints: ['agent.decision.switched-back'],
    passedIn: ['switch-back'],
    elsewhere: 'no probe sends a node back',
  },
  {
    failpoints: ['agent.decision.noted'],
    passedIn: ['synchronize', ...joins],
    elsewhere: 'the decided tree is there when the decision comes',
  },
  {
    failpoints: ['agent.decision.stayed'],
    passedIn: ['start'],
    variesIn: ['restart'],
    elsewhere: 'the decided tree is not live before',
  },
  {
    failpoints: ['agent.pending.noted', 'agent.pending.cleared'],
    passedIn: withPlugins,
    elsewhere: 'no plugin follows a switch',
  },

  // The agent's twins.
  {
    failpoints: [
      'agent.twins.opened',
      'agent.twins.placed',
      'agent.twins.recorded',
      'agent.twins.rows-written',
      'agent.twins.sealed',
      'agent.twins.written',
    ],
    passedIn: withPlugins,
    elsewhere: 'no plugin writes twins',
  },
  {
    failpoints: ['agent.twins.begun'],
    passedIn: ['replicate-plugins'],
    elsewhere: 'the node has twins already, or no plugin writes them',
  },

  // The agent's trees, in the background.
  {
    failpoints: ['agent.slot.caught-up'],
    passedIn: [...publishes, 'rollback', 'synchronize', 'abort'],
    variesIn: allBut(...publishes, 'rollback', 'synchronize', 'abort'),
    elsewhere: '',
  },
  {
    failpoints: ['agent.slot.freed'],
    passedIn: ['restart'],
    variesIn: ['start', 'fail'],
    elsewhere: 'the journal frees the former tree when it switches',
  },
  {
    failpoints: ['agent.slot.dropped', 'agent.tree.thrown-away'],
    passedIn: ['fail'],
    elsewhere: 'every tree can be caught up',
  },
  {
    failpoints: ['agent.tree.begun', 'agent.tree.linked', 'agent.tree.made'],
    passedIn: ['replicate', 'replicate-plugins', 'fail', 'start'],
    elsewhere: 'no tree is missing',
  },
  {
    failpoints: ['agent.tree.removed'],
    passedIn: ['start', 'fail'],
    elsewhere: 'no tree is thrown away',
  },

  // An agent's starts, and its sites' coming and going.
  {
    failpoints: ['agent.site.opened'],
    passedIn: ['start', 'synchronize', ...joins, 'restart', 'configure'],
    elsewhere: 'the site is open',
  },
  {
    failpoints: ['agent.site.synced'],
    passedIn: ['start', 'synchronize', 'restart'],
    elsewhere: 'the site is open, or has no tree yet',
  },
  {
    failpoints: ['agent.site.directory-made', 'agent.site.made'],
    passedIn: ['replicate', 'replicate-plugins', 'configure'],
    elsewhere: 'no site is new to the node',
  },
  {
    failpoints: ['agent.site.set-aside', 'agent.site.removed'],
    passedIn: ['configure'],
    elsewhere: 'no site is taken from the node',
  },
  {
    failpoints: ['agent.site.leftover-removed', 'agent.site.stranger-set-aside', 'agent.inbox.recovered'],
    passedIn: ['start'],
    elsewhere: 'nothing is left of a crash before',
  },
  {
    failpoints: ['agent.grants.written'],
    passedIn: ['replicate', 'replicate-plugins', 'configure'],
    elsewhere: 'grants and keys stay as they are',
  },
  {
    failpoints: ['agent.join.configuration-written', 'agent.join.key-written', 'agent.join.identity-written'],
    passedIn: ['join'],
    elsewhere: 'no agent joins',
  },
  {
    failpoints: ['file.written', 'file.renamed'],
    passedIn: ['join', 'replicate', 'replicate-plugins', 'configure', 'publish-plugins', 'switch-back'],
    variesIn: ['synchronize', 'restart', 'start'],
    elsewhere: 'the agent writes no small file',
  },

  // The CCM: pushes and jobs.
  {
    failpoints: ['ccm.push.ref-moved', 'ccm.core.requested', 'ccm.tree-ref.locked', 'ccm.tree-ref.written'],
    passedIn: pushed,
    elsewhere: 'nothing is pushed',
  },
  {
    failpoints: ['ccm.core.saved'],
    passedIn: [...pushed, 'rollback', 'configure', ...starts],
    elsewhere: '',
  },
  {
    failpoints: ['ccm.core.decided'],
    passedIn: [...publishes, 'rollback'],
    variesIn: ['restart'],
    elsewhere: 'nothing is decided',
  },
  {
    failpoints: ['ccm.core.ended'],
    passedIn: [...pushed, 'rollback'],
    variesIn: ['restart'],
    elsewhere: 'no job ends',
  },
  { failpoints: ['ccm.path-times.written'], passedIn: pushed, elsewhere: 'no release is built' },
  {
    failpoints: ['ccm.path-times.dropped'],
    passedIn: ['abort', 'fail'],
    elsewhere: 'every release that is built is decided',
  },
  {
    failpoints: [
      'ccm.assignment.written',
      'ccm.assignment.data-named',
      'ccm.assignment.named',
      'ccm.assignment.stored',
      'ccm.assignment.recorded',
    ],
    passedIn: [...pushed, ...joins],
    variesIn: ['synchronize', 'start', 'restart', 'join'],
    elsewhere: 'no assignment is built',
  },
  {
    failpoints: ['ccm.assignment.data-moved', 'ccm.assignment.data-joined'],
    passedIn: ['publish-large'],
    elsewhere: 'a small assignment’s data is in memory',
  },
  {
    failpoints: [
      'ccm.assignment.manifest-removed',
      'ccm.assignment.data-removed',
      'ccm.assignment.forgotten',
    ],
    passedIn: ['start'],
    variesIn: allBut('start'),
    elsewhere: '',
  },
  {
    failpoints: ['ccm.tree-ref.released'],
    passedIn: ['start'],
    variesIn: allBut('start'),
    elsewhere: '',
  },
  {
    failpoints: ['ccm.assignment.swept', 'ccm.repository.leftover-removed'],
    passedIn: ['start'],
    elsewhere: 'nothing is left of a crash before',
  },

  // The CCM: plugins.
  {
    failpoints: ['ccm.tasks.owed', 'ccm.tasks.done', 'ccm.tasks.postponed', 'ccm.tasks.given-up'],
    passedIn: ['publish-plugins'],
    variesIn: ['switch-back', 'replicate-plugins'],
    elsewhere: 'no plugin is owed a call',
  },
  { failpoints: ['ccm.tasks.hastened'], passedIn: ['publish-plugins'], elsewhere: 'nobody asks for it' },

  // The CCM: starts, and what operators change.
  {
    failpoints: [
      'ccm.database.migrated',
      'ccm.run-mark.announced',
      'ccm.run-mark.made',
      'ccm.run-mark.settled',
    ],
    passedIn: ['start', 'synchronize', ...joins, 'join', 'restart'],
    elsewhere: 'the CCM runs already',
  },
  {
    failpoints: ['ccm.node.seen'],
    passedIn: ['start', 'synchronize', ...joins, 'restart'],
    variesIn: allBut('start', 'synchronize', ...joins, 'restart'),
    elsewhere: '',
  },
  {
    failpoints: ['ccm.setting.written'],
    passedIn: ['start', 'publish-plugins'],
    variesIn: ['synchronize', ...joins, 'join', 'restart', 'switch-back'],
    elsewhere: 'no plugin hears of events, and the CCM runs already',
  },
  {
    failpoints: ['ccm.repository.file-replaced'],
    passedIn: ['start', 'configure'],
    elsewhere: 'the repositories are as they should be',
  },
  {
    failpoints: [
      'ccm.group.created',
      'ccm.group.changed',
      'ccm.group.removed',
      'ccm.site.created',
      'ccm.site.changed',
      'ccm.site.removed',
      'ccm.repository.made',
      'ccm.token.created',
      'ccm.token.revoked',
      'ccm.node.maintenance-set',
      'ccm.node.labelled',
    ],
    passedIn: ['configure'],
    elsewhere: 'operators change nothing',
  },
  {
    failpoints: ['ccm.content-key.rotated'],
    passedIn: ['configure', 'join'],
    elsewhere: 'no site is new, and no node leaves',
  },
  { failpoints: ['ccm.join-token.created'], passedIn: ['join', 'configure'], elsewhere: 'nobody is to join' },
  {
    failpoints: ['ccm.join-token.redeemed', 'ccm.node.joined', 'ccm.node.admitted', 'ccm.node.removed'],
    passedIn: ['join'],
    elsewhere: 'no node comes or goes',
  },
];

/** Passed by `ccm init` alone, in test/faults/init.test.ts. */
export const initOnly = [
  'ccm.keys.authority-key-written',
  'ccm.keys.authority-written',
  'ccm.keys.release-key-written',
];

/** What `ccm init` passes before its token is there. */
export const initFailpoints = [
  ...initOnly,
  'ccm.database.migrated',
  'ccm.setting.written',
  'file.renamed',
  'file.written',
];

/** Passed only by a join that is repeated after the CCM had died in one, as those struck at `ccm.node.admitted` are. */
export const onlyAgain = ['ccm.node.certificate-replaced'];
