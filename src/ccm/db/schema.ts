// The CCM's tables as Kysely sees them. The truth is in migrations/; this file is its mirror in types and decides nothing.
// Times `…_at` are milliseconds since 1970 by the CCM's clock; `mtime`s are whole seconds; booleans are 0 or 1; `…json` texts are JsonColumn.

import type { Generated } from 'kysely';
import type { JobNode, JobPhase, JobType, NodeSitePhase, Role } from '../../model/api.ts';
import type { AssignmentType } from '../../model/assignment.ts';
import type { RateLimit } from '../../model/rate-limit.ts';
import type { SignedDecision, SignedReceipt } from '../../model/receipt.ts';
import type { Release } from '../../model/release.ts';
import type { ControlChannel, LeadRole, PlacedBy, SegmentReport } from '../../model/segment.ts';
import type { LeaderFacts } from '../../model/segment-messages.ts';
import type { SitePolicy } from '../../model/site.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { JsonColumn } from './json-column.ts';

export type Flag = 0 | 1;
type Labels = Readonly<Record<string, string>>;
/** A leader's report without the members that it had no business with. */
export type BelievedReport = SegmentReport & LeaderFacts;

export interface SiteTable {
  name: string;
  repository: string;
  branch: string;
  group_name: string;
  /** What the operator set; what is missing is the default of this version. */
  policy: JsonColumn<Partial<SitePolicy>>;
  created_at: number;
  /** The last release given out; sequence 0 before the first. */
  epoch: number;
  sequence: Generated<number>;
  /** The branch head that was last handled: made a job, refused or superseded. */
  head_handled: ObjectId | null;
  /** The snapshot that is live; the shadow is its tree. */
  live_snapshot: number | null;
  /** A newer decision that a node handed in: this database is an older copy (JOB-25). */
  lost_decision: JsonColumn<{ readonly decision: SignedDecision; readonly node: string }> | null;
}

/** The highest epoch of a site that was removed: a site made anew under its name starts above it. */
export interface RemovedSiteTable {
  name: string;
  epoch: number;
  removed_at: number;
}

export interface ContentKeyTable {
  site: string;
  id: string;
  /** 32 bytes, base64. The database file itself is mode 0600. */
  key: string;
  created_at: number;
  retired_at: number | null;
}

export interface GroupTable {
  name: string;
  selector: JsonColumn<Labels> | null;
  /** Segments and nodes by name, whose leaders are handed out first. */
  leader_order: Generated<JsonColumn<readonly string[]>>;
}

/** What is measured of a node that leads, smoothed. */
export interface LeaderMeasureTable {
  node: string;
  /** Between it and the CCM. */
  delay_ms: number | null;
  up_bytes_per_second: number | null;
  down_bytes_per_second: number | null;
  /** Its place among the others (TREE-12); all three or none. */
  x: number | null;
  y: number | null;
  height: number | null;
  /** Transfers from it that went well, and that did not. */
  done: number;
  failed: number;
  updated_at: number;
}

export interface GroupNodeTable {
  group_name: string;
  node: string;
}

export interface NodeTable {
  name: string;
  /** Set by operators; they win over what the agent says. */
  labels: Generated<JsonColumn<Labels>>;
  /** From the agent's configuration, by its last hello. */
  agent_labels: Generated<JsonColumn<Labels>>;
  /** The certificate it joined with; all of them are in `node_certificates`. SHA-256 of the DER, 64 hex digits. */
  certificate_fingerprint: string;
  certificate_serial: string;
  joined_at: number;
  maintenance: Generated<Flag>;
  url: string | null;
  agent_version: string | null;
  free_bytes: number | null;
  last_seen_at: number | null;
  /** A removed node keeps its row for history; its certificate is worth nothing. */
  removed_at: number | null;
  /** Null: none yet. */
  segment: string | null;
  /** What put it there. */
  segment_by: PlacedBy | null;
  lead_role: Generated<LeadRole>;
  lead_factor: Generated<number>;
}

export interface SegmentTable {
  /** 32 hex digits. */
  id: string;
  name: string;
  created_at: number;
  transport: ControlChannel['transport'];
  channel_group: string | null;
  channel_port: number;
  /** Whom the CCM accepted last; whether it still does is in memory. */
  leader: string | null;
  leader_term: number | null;
  accepted_at: number | null;
  /** The last one that was believed and told of something else than the one before. */
  report: JsonColumn<BelievedReport> | null;
  reported_at: number | null;
  rate: JsonColumn<RateLimit> | null;
  wan_rate: JsonColumn<RateLimit> | null;
}

/** Written before the certificate is handed out. */
export interface NodeCertificateTable {
  /** In the order in which they were issued, whatever the clock said. */
  id: Generated<number>;
  /** SHA-256 of the DER, 64 hex digits. */
  fingerprint: string;
  serial: string;
  node: string;
  /** Fingerprint of the authority that signed it; null for one from before authorities were noted. */
  authority: string | null;
  issued_at: number;
  expires_at: number;
  ended_at: number | null;
  ended_by: 'renewed' | 'removed' | null;
}

export interface NodeSiteTable {
  node: string;
  site: string;
  phase: NodeSitePhase;
  /** Id of the assignment held complete in the inbox. */
  held: string | null;
  staged_tree: ObjectId | null;
  staged_epoch: number | null;
  staged_sequence: number | null;
  live_tree: ObjectId | null;
  live_epoch: number | null;
  live_sequence: number | null;
  live_since: number | null;
  backup_tree: ObjectId | null;
  backup_epoch: number | null;
  backup_sequence: number | null;
  /** The newest receipt. */
  receipt: JsonColumn<SignedReceipt> | null;
  error: JsonColumn<WireError> | null;
  /** Why it does not serve the decision of that release as it should, although nothing is to be sent to it. */
  setback: JsonColumn<{ readonly release: Release; readonly error: WireError }> | null;
}

export interface JobTable {
  id: string;
  site: string;
  type: JobType;
  phase: JobPhase;
  epoch: number | null;
  sequence: number | null;
  commit_id: ObjectId | null;
  tree: ObjectId | null;
  base_tree: ObjectId | null;
  requested_by: string;
  branch_head: ObjectId | null;
  allow_delete: Generated<Flag>;
  created_at: number;
  started_at: number | null;
  decided_at: number | null;
  ended_at: number | null;
  attempts: Generated<number>;
  /** A deferred or failed job is not tried again before this time. */
  not_before: number | null;
  files: number | null;
  assignment_bytes: number | null;
  error: JsonColumn<WireError> | null;
}

export interface JobNodeTable {
  job: string;
  node: string;
  state: JobNode['state'];
  staged_at: number | null;
  live_at: number | null;
  error: JsonColumn<WireError> | null;
}

export interface AssignmentTable {
  id: string;
  site: string;
  epoch: number;
  sequence: number;
  part_index: number;
  part_of: number;
  type: AssignmentType;
  base_tree: ObjectId;
  target_tree: ObjectId;
  manifest_bytes: number;
  data_bytes: number;
  created_at: number;
  /** The one it is sealed with; empty when it needs none, null for one from before this was noted. */
  content_key: string | null;
}

export interface DecisionTable {
  site: string;
  epoch: number;
  sequence: number;
  kind: SignedDecision['kind'];
  from_tree: ObjectId | null;
  to_tree: ObjectId;
  decided_at: number;
  signed: JsonColumn<SignedDecision>;
  job: string;
}

export interface SnapshotTable {
  id: Generated<number>;
  site: string;
  job: string;
  epoch: number;
  sequence: number;
  commit_id: ObjectId | null;
  base_tree: ObjectId;
  tree: ObjectId;
  at: number;
  /** The snapshot to return to; null when there is none. */
  previous: number | null;
  /** Its lineage: path_times rows from base_sequence to content_sequence that are not abandoned; base_mtime where there is none. */
  content_sequence: number;
  base_sequence: number;
  base_mtime: number;
}

export interface PathTimeTable {
  site: string;
  path: string;
  sequence: number;
  mtime: number;
  /** Published after a release that was rolled back to and built upon: no tree's lineage holds it any more. */
  abandoned: Generated<Flag>;
}

export interface EventTable {
  id: Generated<number>;
  at: number;
  actor: string;
  kind: string;
  site: string | null;
  job: string | null;
  node: string | null;
  data: JsonColumn<Readonly<Record<string, unknown>>>;
}

export interface TokenTable {
  id: string;
  name: string;
  /** SHA-256 of the token's text, 64 hex digits. */
  hash: string;
  roles: JsonColumn<readonly Role[]>;
  /** Null: all sites. */
  sites: JsonColumn<readonly string[]> | null;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
}

export interface JoinTokenTable {
  id: string;
  hash: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
  used_by: string | null;
  /** SHA-256 of the public key (SPKI) that it was used up for. */
  used_key: string | null;
  /** Where whoever joins with it belongs; null: where it is heard. */
  segment: string | null;
}

export interface SettingTable {
  key: string;
  value: string;
}

/** A call of a hook that is to be made; what is under way is owed as well. */
export interface PluginTaskTable {
  id: Generated<number>;
  /** The instance's name. */
  plugin: string;
  hook: string;
  site: string;
  job: string | null;
  payload: JsonColumn<Readonly<Record<string, unknown>>>;
  pass: number;
  state: 'owed' | 'done' | 'failed';
  attempts: number;
  not_before: number;
  error: JsonColumn<WireError> | null;
  note: string | null;
  created_at: number;
  ended_at: number | null;
}

export interface Schema {
  sites: SiteTable;
  removed_sites: RemovedSiteTable;
  content_keys: ContentKeyTable;
  groups: GroupTable;
  leader_measures: LeaderMeasureTable;
  group_nodes: GroupNodeTable;
  nodes: NodeTable;
  segments: SegmentTable;
  node_certificates: NodeCertificateTable;
  node_sites: NodeSiteTable;
  jobs: JobTable;
  job_nodes: JobNodeTable;
  assignments: AssignmentTable;
  decisions: DecisionTable;
  snapshots: SnapshotTable;
  path_times: PathTimeTable;
  events: EventTable;
  tokens: TokenTable;
  join_tokens: JoinTokenTable;
  settings: SettingTable;
  plugin_tasks: PluginTaskTable;
}
