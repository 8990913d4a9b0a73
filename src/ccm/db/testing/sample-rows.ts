// A row or two in every table that a database has, as a small CCM would have them; columns and tables that it lacks are left out.

import type { DatabaseSync } from 'node:sqlite';

type Value = string | number | null;

const [treeA, treeB, commit] = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)];
const decision = (sequence: number, toTree: string) =>
  JSON.stringify({
    version: 1,
    site: 'docs',
    release: { epoch: 1, sequence },
    kind: 'commit',
    fromTree: null,
    toTree,
    decidedAt: sequence,
    signature: 'signed',
  });
const wireError = JSON.stringify({ code: 'NODE_LOST', message: 'it’s gone' });
const publish = {
  site: 'docs',
  type: 'publish',
  epoch: 1,
  commit_id: commit,
  requested_by: 'author',
  created_at: 10,
};

const rows: Readonly<Record<string, readonly Readonly<Record<string, Value>>[]>> = {
  groups: [{ name: 'edge', selector: '{"zone":"edge"}', leader_order: '["amber-heron"]' }],
  leader_measures: [
    {
      node: 'web1',
      delay_ms: 12.5,
      up_bytes_per_second: 1e7,
      down_bytes_per_second: 2e7,
      x: 1.5,
      y: -2,
      height: 0.5,
      done: 3,
      failed: 1,
      updated_at: 12,
    },
  ],
  segments: [
    {
      id: 'e'.repeat(32),
      name: 'amber-heron',
      created_at: 1,
      transport: 'multicast',
      channel_group: '239.255.84.67',
      channel_port: 17_446,
      leader: 'web1',
      leader_term: 3,
      accepted_at: 8,
      report: JSON.stringify({
        term: 3,
        priority: 0.5,
        leader: 'web1',
        list: 1,
        triggers: ['leader'],
        members: [
          { node: 'web1', online: true, address: '10.0.0.1', port: 9, capabilities: [], offer: null },
        ],
        location: null,
        timeZone: 'UTC',
        freeBytes: 1,
        cpus: 2,
        connections: 3,
      }),
      reported_at: 9,
      wan_rate: JSON.stringify({ mbit: 20, hours: [{ from: '22:00', to: '06:00', mbit: null }] }),
      rate: JSON.stringify({ mbit: 200, hours: [{ from: '08:00', to: '18:00', mbit: 50 }] }),
    },
  ],
  nodes: [
    {
      name: 'web1',
      labels: '{}',
      agent_labels: '{"zone":"edge"}',
      certificate_fingerprint: 'f1',
      certificate_serial: 's1',
      joined_at: 1,
      maintenance: 1,
      url: 'http://10.0.0.1',
      agent_version: '0.1.0',
      free_bytes: 10,
      last_seen_at: 9,
      segment: 'e'.repeat(32),
      segment_by: 'new',
      lead_role: 'preassigned',
      lead_factor: 1.5,
    },
    { name: 'gone', certificate_fingerprint: 'f2', certificate_serial: 's2', joined_at: 1, removed_at: 2 },
  ],
  node_certificates: [
    {
      id: 1,
      fingerprint: 'f0',
      serial: 's0',
      node: 'web1',
      authority: null,
      issued_at: 1,
      expires_at: 20,
      ended_at: 8,
      ended_by: 'renewed',
    },
    { id: 2, fingerprint: 'f1', serial: 's1', node: 'web1', authority: 'a1', issued_at: 8, expires_at: 30 },
  ],
  group_nodes: [{ group_name: 'edge', node: 'web1' }],
  snapshots: [
    {
      id: 1,
      site: 'docs',
      job: 'j1',
      epoch: 1,
      sequence: 1,
      commit_id: commit,
      base_tree: treeA,
      tree: treeA,
      at: 11,
      content_sequence: 1,
      base_sequence: 1,
      base_mtime: 5,
    },
    {
      id: 2,
      site: 'docs',
      job: 'j2',
      epoch: 1,
      sequence: 2,
      commit_id: commit,
      base_tree: treeA,
      tree: treeB,
      at: 12,
      previous: 1,
      content_sequence: 2,
      base_sequence: 1,
      base_mtime: 5,
    },
  ],
  sites: [
    {
      name: 'docs',
      repository: 'docs',
      branch: 'main',
      group_name: 'all',
      policy: '{"deleteShareMax":0.3}',
      created_at: 1,
      epoch: 1,
      sequence: 2,
      head_handled: commit,
      live_snapshot: 2,
      lost_decision: `{"decision":${decision(3, treeA)},"node":"web1"}`,
    },
  ],
  removed_sites: [{ name: 'old', epoch: 4, removed_at: 3 }],
  content_keys: [
    { site: 'docs', id: 'k-1', key: 'AAAA', created_at: 1, retired_at: 2 },
    { site: 'docs', id: 'k-2', key: 'BBBB', created_at: 2 },
  ],
  node_sites: [
    {
      node: 'web1',
      site: 'docs',
      phase: 'stale',
      live_tree: treeA,
      live_epoch: 1,
      live_sequence: 1,
      live_since: 11,
      receipt: '{}',
      error: wireError,
      setback: `{"release":{"epoch":1,"sequence":2},"error":${wireError}}`,
    },
  ],
  jobs: [
    {
      id: 'j1',
      phase: 'succeeded',
      ...publish,
      sequence: 1,
      tree: treeA,
      started_at: 10,
      decided_at: 11,
      ended_at: 12,
      attempts: 1,
      files: 3,
      assignment_bytes: 100,
    },
    {
      id: 'j2',
      phase: 'committing',
      ...publish,
      sequence: 2,
      tree: treeB,
      base_tree: treeA,
      branch_head: commit,
      allow_delete: 1,
      started_at: 11,
      decided_at: 12,
    },
  ],
  job_nodes: [{ job: 'j2', node: 'web1', state: 'lost', staged_at: 11, error: wireError }],
  assignments: [
    {
      id: 'd'.repeat(64),
      site: 'docs',
      epoch: 1,
      sequence: 2,
      part_index: 1,
      part_of: 1,
      type: 'publish',
      base_tree: treeA,
      target_tree: treeB,
      content_key: 'k-1',
      manifest_bytes: 500,
      data_bytes: 40,
      created_at: 11,
    },
  ],
  decisions: [
    {
      site: 'docs',
      epoch: 1,
      sequence: 1,
      kind: 'commit',
      to_tree: treeA,
      decided_at: 11,
      signed: decision(1, treeA),
      job: 'j1',
    },
    {
      site: 'docs',
      epoch: 1,
      sequence: 2,
      kind: 'commit',
      from_tree: treeA,
      to_tree: treeB,
      decided_at: 12,
      signed: decision(2, treeB),
      job: 'j2',
    },
  ],
  path_times: [
    { site: 'docs', path: 'a b/ü.html', sequence: 2, mtime: 6 },
    { site: 'docs', path: 'gone.html', sequence: 1, mtime: 5, abandoned: 1 },
  ],
  events: [{ at: 1, actor: 'ccm', kind: 'site.added', site: 'docs', data: '{"branch":"main"}' }],
  tokens: [
    { id: 't-1', name: 'admin', hash: 'h1', roles: '["admin","author"]', created_at: 1 },
    {
      id: 't-2',
      name: 'anna',
      hash: 'h2',
      roles: '["author"]',
      sites: '["docs"]',
      created_at: 2,
      expires_at: 99,
      revoked_at: 50,
    },
  ],
  join_tokens: [
    {
      id: 'jt-1',
      hash: 'h3',
      created_at: 1,
      expires_at: 2,
      used_at: 2,
      used_by: 'web1',
      used_key: 'c'.repeat(64),
      segment: 'e'.repeat(32),
    },
  ],
  settings: [{ key: 'agent-url', value: 'https://ccm.example.org:7443' }],
  plugin_tasks: [
    {
      plugin: 'cache-purge',
      hook: 'invalidate',
      site: 'docs',
      job: 'j1',
      payload: '{"kind":"publish"}',
      not_before: 1,
      error: wireError,
      created_at: 1,
    },
  ],
};

export function sampleRows(database: DatabaseSync): void {
  const columnsOf = (table: string) =>
    database
      .prepare('select name from pragma_table_info(?)')
      .all(table)
      .map((row) => String(row['name']));
  for (const [table, samples] of Object.entries(rows)) {
    const columns = columnsOf(table);
    for (const sample of columns.length === 0 ? [] : samples) {
      const entries = Object.entries(sample).filter(([column]) => columns.includes(column));
      database
        .prepare(
          `insert into "${table}" (${entries.map(([column]) => column).join(', ')}) values (${entries.map(() => '?').join(', ')})`,
        )
        .run(...entries.map(([, value]) => value));
    }
  }
}
