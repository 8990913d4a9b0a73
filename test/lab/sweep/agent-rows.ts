// The agent's half of the sweep's table (sweep-table.ts).

import { allBut, joins, publishes, type SweepRow, staged, switched, withPlugins } from './sweep-row.ts';

export const agentRows: readonly SweepRow[] = [
  // The agent stages.
  {
    failpoints: ['agent.stage.entered', 'agent.stage.caught-up', 'agent.stage.carried-out'],
    passedIn: staged,
    variesIn: ['restage'],
    elsewhere: 'nothing is staged',
  },
  {
    failpoints: ['agent.stage.data-dropped', 'agent.stage.synced', 'agent.stage.staged'],
    passedIn: [...staged, 'restage'],
    elsewhere: 'nothing is staged',
  },
  {
    failpoints: ['agent.stage.tree-made'],
    passedIn: joins,
    elsewhere: 'there is a spare tree to stage into',
  },
  {
    failpoints: ['agent.slot.renamed'],
    passedIn: [...publishes, 'abort', 'mend', 'synchronize', 'restage', 'fail-plugins'],
    variesIn: ['restart'],
    elsewhere: 'no spare tree is staged into',
  },
  {
    failpoints: ['agent.stage.aborted'],
    passedIn: ['abort', 'fail-plugins'],
    elsewhere: 'nothing is aborted',
  },
  {
    failpoints: ['agent.stage.undone'],
    passedIn: ['restage', 'mend'],
    elsewhere: 'no staging fails',
  },
  {
    failpoints: ['agent.inbox.kept'],
    passedIn: [
      'publish',
      'publish-plugins',
      'switch-back',
      'abort',
      'restage',
      'mend',
      'fail-plugins',
      'synchronize',
      'publish-deep',
    ],
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
    variesIn: allBut('publish-plugins', 'join', 'configure', 'rotate'),
    elsewhere: 'nothing that was kept stops being needed',
  },
  {
    failpoints: ['agent.index.written'],
    passedIn: [...staged, 'start'],
    variesIn: ['restage', 'restart'],
    elsewhere: 'no tree is new to the index',
  },
  { failpoints: ['agent.index.swept'], passedIn: ['publish-deep'], elsewhere: 'too few directories are new' },
  {
    failpoints: ['agent.journal.written', 'agent.journal.renamed', 'agent.journal.synced'],
    passedIn: [...staged, 'rollback', 'restage', 'restart', 'start'],
    variesIn: ['rotate'],
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
    failpoints: ['agent.decision.signed-anew'],
    passedIn: ['rotate'],
    elsewhere: 'the release key stays',
  },
  { failpoints: ['agent.pending.noted'], passedIn: withPlugins, elsewhere: 'no plugin follows a switch' },
  {
    failpoints: ['agent.pending.cleared'],
    passedIn: ['publish-plugins', 'replicate-plugins'],
    // By the next publish.
    variesIn: ['switch-back'],
    elsewhere: 'no plugin follows a switch',
  },

  // The agent's twins.
  {
    failpoints: [
      'agent.twins.opened',
      'agent.twins.placed',
      'agent.twins.recorded',
      'agent.twins.sealed',
      'agent.twins.written',
    ],
    passedIn: withPlugins,
    elsewhere: 'no plugin writes twins',
  },
  {
    failpoints: ['agent.twins.rows-written'],
    passedIn: [...withPlugins, 'fail-plugins'],
    elsewhere: 'no plugin writes twins',
  },
  {
    failpoints: ['agent.twins.begun'],
    passedIn: ['replicate-plugins'],
    elsewhere: 'the node has twins already, or no plugin writes them',
  },

  // The agent puts changed files right.
  {
    failpoints: ['agent.mend.idle-root', 'agent.mend.journaled', 'agent.mend.placed', 'agent.mend.durable'],
    passedIn: ['mend'],
    elsewhere: 'nobody changed a file',
  },
  {
    failpoints: ['agent.scrub.recorded'],
    passedIn: ['mend'],
    elsewhere: 'nothing was found, and the agents do not look by themselves',
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
    // Where the journal frees the former tree when it switches, nothing is left to free.
    passedIn: ['restart'],
    variesIn: allBut('restart'),
    elsewhere: '',
  },
  {
    failpoints: ['agent.slot.dropped', 'agent.tree.thrown-away'],
    passedIn: ['restage'],
    elsewhere: 'every tree can be caught up',
  },
  {
    failpoints: ['agent.tree.begun', 'agent.tree.linked', 'agent.tree.made'],
    passedIn: ['replicate', 'replicate-plugins', 'restage', 'start'],
    elsewhere: 'no tree is missing',
  },
  {
    failpoints: ['agent.tree.removed'],
    passedIn: ['start', 'restage'],
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
    passedIn: ['replicate', 'replicate-plugins', 'configure', 'rotate'],
    elsewhere: 'grants and keys stay as they are',
  },
  {
    failpoints: ['agent.join.configuration-written'],
    passedIn: ['join'],
    elsewhere: 'no agent joins',
  },
  {
    failpoints: ['agent.join.key-written', 'agent.join.identity-written', 'agent.identity.key-named'],
    passedIn: ['join', 'rotate'],
    elsewhere: 'no agent joins, and none renews its certificate',
  },
  {
    failpoints: ['file.written', 'file.renamed'],
    passedIn: [
      'join',
      'rotate',
      'replicate',
      'replicate-plugins',
      'configure',
      'publish-plugins',
      'switch-back',
      'mend',
    ],
    variesIn: ['synchronize', 'restart', 'start'],
    elsewhere: 'the agent writes no small file',
  },
];
