// The CCM's half of the sweep's table (sweep-table.ts).

import { allBut, joins, publishes, pushed, type SweepRow, starts } from './sweep-row.ts';

export const ccmRows: readonly SweepRow[] = [
  // The CCM: pushes and jobs.
  {
    failpoints: ['ccm.push.ref-moved', 'ccm.core.requested', 'ccm.tree-ref.locked', 'ccm.tree-ref.written'],
    passedIn: pushed,
    elsewhere: 'nothing is pushed',
  },
  {
    failpoints: ['ccm.core.saved'],
    passedIn: [...pushed, 'configure', 'rotate', ...starts],
    // What nodes say of it may be saved together with its end.
    variesIn: ['rollback'],
    elsewhere: '',
  },
  {
    failpoints: ['ccm.core.decided'],
    passedIn: [...publishes, 'restage', 'mend', 'rollback'],
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
    passedIn: ['abort', 'fail-plugins'],
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
    variesIn: ['switch-back', 'replicate-plugins', 'fail-plugins'],
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
    variesIn: allBut('start', 'publish-plugins'),
    elsewhere: '',
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
      'ccm.group.order-set',
      'ccm.group.removed',
      'ccm.site.created',
      'ccm.site.changed',
      'ccm.site.removed',
      'ccm.repository.made',
      'ccm.token.created',
      'ccm.token.revoked',
      'ccm.node.maintenance-set',
      'ccm.node.labelled',
      'ccm.segment.named',
      'ccm.segment.channel-set',
      'ccm.segment.rate-set',
      'ccm.segment.wan-rate-set',
      'ccm.segment.renamed',
      'ccm.segment.removed',
      'ccm.segment.role-set',
      'ccm.segment.factor-set',
    ],
    passedIn: ['configure'],
    elsewhere: 'operators change nothing',
  },
  {
    failpoints: ['ccm.content-key.rotated'],
    passedIn: ['configure', 'join', 'rotate'],
    elsewhere: 'no site is new, no node leaves, and nobody rotates keys',
  },
  { failpoints: ['ccm.join-token.created'], passedIn: ['join', 'configure'], elsewhere: 'nobody is to join' },
  {
    failpoints: [
      'ccm.join-token.redeemed',
      'ccm.node.joined',
      'ccm.node.admitted',
      'ccm.node.removed',
      'ccm.node.removed-with-keys',
    ],
    passedIn: ['join'],
    elsewhere: 'no node comes or goes',
  },
  {
    failpoints: [
      'ccm.keys.authority-key-written',
      'ccm.keys.authority-written',
      'ccm.keys.authority-key-named',
      'ccm.keys.authority-named',
      'ccm.keys.next-release-key-written',
      'ccm.keys.release-key-named',
      'ccm.keys.history-written',
      'ccm.certificate.issued',
      'ccm.certificate.replaced',
    ],
    passedIn: ['rotate'],
    elsewhere: 'nobody rotates keys',
  },
];
