begin;
pragma defer_foreign_keys = on;
CREATE TABLE "kysely_migration" ("name" varchar(255) not null primary key, "timestamp" varchar(255) not null);
CREATE TABLE "kysely_migration_lock" ("id" varchar(255) not null primary key, "is_locked" integer default 0 not null);
CREATE TABLE groups (
    name text primary key,
    selector text check (json_valid(selector))
  , leader_order text not null default '[]' check (json_valid(leader_order))) strict, without rowid;
CREATE TABLE nodes (
    name text primary key,
    labels text not null default '{}' check (json_valid(labels)),
    agent_labels text not null default '{}' check (json_valid(agent_labels)),
    certificate_fingerprint text not null unique,
    certificate_serial text not null,
    joined_at integer not null,
    maintenance integer not null default 0 check (maintenance in (0, 1)),
    url text,
    agent_version text,
    free_bytes integer,
    last_seen_at integer,
    removed_at integer
  , segment text references segments (id) on delete set null, segment_by text check (segment_by in ('token', 'heard', 'new', 'operator')), lead_role text not null default 'allowed' check (lead_role in ('never', 'allowed', 'preassigned')), lead_factor real not null default 1 check (lead_factor between 0 and 100)) strict, without rowid;
CREATE TABLE group_nodes (
    group_name text not null references groups (name) on delete cascade,
    node text not null references nodes (name) on delete cascade,
    primary key (group_name, node)
  ) strict, without rowid;
CREATE TABLE snapshots (
    id integer primary key autoincrement,
    site text not null,
    job text not null,
    epoch integer not null,
    sequence integer not null,
    commit_id text,
    base_tree text not null,
    tree text not null,
    at integer not null,
    previous integer references snapshots (id),
    content_sequence integer not null,
    base_sequence integer not null,
    base_mtime integer not null
  ) strict;
CREATE TABLE sites (
    name text primary key,
    repository text not null,
    branch text not null,
    group_name text not null references groups (name),
    policy text not null check (json_valid(policy)),
    created_at integer not null,
    epoch integer not null check (epoch >= 1),
    sequence integer not null default 0 check (sequence >= 0),
    head_handled text,
    live_snapshot integer references snapshots (id)
  , lost_decision text check (json_valid(lost_decision))) strict, without rowid;
CREATE TABLE removed_sites (
    name text primary key,
    epoch integer not null,
    removed_at integer not null
  ) strict, without rowid;
CREATE TABLE content_keys (
    site text not null references sites (name) on delete cascade,
    id text not null,
    key text not null,
    created_at integer not null,
    retired_at integer,
    primary key (site, id)
  ) strict, without rowid;
CREATE TABLE node_sites (
    node text not null references nodes (name) on delete cascade,
    site text not null references sites (name) on delete cascade,
    phase text not null check (phase in ('empty', 'stale', 'receiving', 'held', 'staged', 'live', 'failed')),
    held text,
    staged_tree text,
    staged_epoch integer,
    staged_sequence integer,
    live_tree text,
    live_epoch integer,
    live_sequence integer,
    live_since integer,
    backup_tree text,
    backup_epoch integer,
    backup_sequence integer,
    receipt text check (json_valid(receipt)),
    error text check (json_valid(error)), setback text check (json_valid(setback)),
    primary key (site, node)
  ) strict, without rowid;
CREATE TABLE jobs (
    id text not null unique,
    site text not null,
    type text not null check (type in ('publish', 'synchronize', 'rollback')),
    phase text not null check (phase in ('queued', 'deferred', 'planning', 'staging', 'committing', 'succeeded',
      'failed', 'superseded', 'aborted')),
    epoch integer,
    sequence integer,
    commit_id text,
    tree text,
    base_tree text,
    requested_by text not null,
    branch_head text,
    allow_delete integer not null default 0 check (allow_delete in (0, 1)),
    created_at integer not null,
    started_at integer,
    decided_at integer,
    ended_at integer,
    attempts integer not null default 0,
    not_before integer,
    files integer,
    assignment_bytes integer,
    error text check (json_valid(error))
  ) strict;
CREATE TABLE job_nodes (
    job text not null references jobs (id) on delete cascade,
    node text not null,
    state text not null check (state in ('left-out', 'pending', 'held', 'staged', 'live', 'stale', 'failed', 'lost')),
    staged_at integer,
    live_at integer,
    error text check (json_valid(error)),
    primary key (job, node)
  ) strict, without rowid;
CREATE TABLE assignments (
    id text primary key,
    site text not null,
    epoch integer not null,
    sequence integer not null,
    part_index integer not null,
    part_of integer not null check (part_index between 1 and part_of),
    type text not null check (type in ('publish', 'replicate', 'synchronize', 'rollback', 'restore')),
    base_tree text not null,
    target_tree text not null,
    manifest_bytes integer not null,
    data_bytes integer not null,
    created_at integer not null
  , content_key text) strict, without rowid;
CREATE TABLE decisions (
    site text not null,
    epoch integer not null,
    sequence integer not null,
    kind text not null check (kind in ('commit', 'rollback')),
    from_tree text,
    to_tree text not null,
    decided_at integer not null,
    signed text not null check (json_valid(signed)),
    job text not null,
    primary key (site, epoch, sequence)
  ) strict, without rowid;
CREATE TABLE path_times (
    site text not null references sites (name) on delete cascade,
    path text not null,
    sequence integer not null,
    mtime integer not null,
    abandoned integer not null default 0 check (abandoned in (0, 1)),
    primary key (site, path, sequence)
  ) strict, without rowid;
CREATE TABLE events (
    id integer primary key autoincrement,
    at integer not null,
    actor text not null,
    kind text not null,
    site text,
    job text,
    node text,
    data text not null check (json_valid(data))
  ) strict;
CREATE TABLE tokens (
    id text primary key,
    name text not null,
    hash text not null unique,
    roles text not null check (json_valid(roles)),
    sites text check (json_valid(sites)),
    created_at integer not null,
    expires_at integer,
    revoked_at integer
  ) strict, without rowid;
CREATE TABLE join_tokens (
    id text primary key,
    hash text not null unique,
    created_at integer not null,
    expires_at integer not null,
    used_at integer,
    used_by text
  , used_key text, segment text references segments (id) on delete set null) strict, without rowid;
CREATE TABLE settings (
    key text primary key,
    value text not null
  ) strict, without rowid;
CREATE TABLE plugin_tasks (
    id integer primary key autoincrement,
    plugin text not null,
    hook text not null,
    site text not null,
    job text,
    payload text not null check (json_valid(payload)),
    pass integer not null default 1,
    state text not null default 'owed' check (state in ('owed', 'done', 'failed')),
    attempts integer not null default 0,
    not_before integer not null,
    error text check (json_valid(error)),
    note text,
    created_at integer not null,
    ended_at integer
  ) strict;
CREATE TABLE node_certificates (
    id integer primary key autoincrement,
    fingerprint text not null unique,
    serial text not null,
    node text not null references nodes (name) on delete cascade,
    authority text,
    issued_at integer not null,
    expires_at integer not null,
    ended_at integer,
    ended_by text check (ended_by in ('renewed', 'removed')),
    check ((ended_at is null) = (ended_by is null))
  ) strict;
CREATE TABLE segments (
    id text primary key check (length(id) = 32),
    name text not null unique,
    created_at integer not null,
    transport text not null check (transport in ('multicast', 'unicast')),
    channel_group text,
    channel_port integer not null check (channel_port between 1 and 65535),
    leader text,
    leader_term integer,
    accepted_at integer,
    report text check (json_valid(report)),
    reported_at integer, rate text check (json_valid(rate)), wan_rate text check (json_valid(wan_rate)),
    check ((leader is null) = (leader_term is null)),
    check ((report is null) = (reported_at is null))
  ) strict, without rowid;
CREATE TABLE leader_measures (
    node text primary key,
    delay_ms real,
    up_bytes_per_second real,
    down_bytes_per_second real,
    x real,
    y real,
    height real,
    done integer not null,
    failed integer not null,
    updated_at integer not null,
    check ((x is null) = (y is null) and (y is null) = (height is null))
  ) strict, without rowid;
insert into "kysely_migration" (name, timestamp) values ('0001-first', '2026-11-28T16:41:19.198Z');
insert into "kysely_migration" (name, timestamp) values ('0002-setbacks', '2026-11-28T16:41:19.199Z');
insert into "kysely_migration" (name, timestamp) values ('0003-plugin-tasks', '2026-11-28T16:41:19.200Z');
insert into "kysely_migration" (name, timestamp) values ('0004-lost-decisions', '2026-11-28T16:41:19.206Z');
insert into "kysely_migration" (name, timestamp) values ('0005-node-certificates', '2026-11-28T16:41:19.207Z');
insert into "kysely_migration" (name, timestamp) values ('0006-assignment-content-keys', '2026-11-28T16:41:19.208Z');
insert into "kysely_migration" (name, timestamp) values ('0007-join-token-keys', '2026-11-28T16:41:19.209Z');
insert into "kysely_migration" (name, timestamp) values ('0008-segments', '2026-11-28T16:41:19.219Z');
insert into "kysely_migration" (name, timestamp) values ('0009-segment-rates', '2026-11-28T16:41:19.220Z');
insert into "kysely_migration" (name, timestamp) values ('0010-tree', '2026-11-28T16:41:19.221Z');
insert into "kysely_migration_lock" (id, is_locked) values ('migration_lock', 0);
insert into "groups" (name, selector, leader_order) values ('all', '{}', '[]');
insert into "groups" (name, selector, leader_order) values ('edge', '{"zone":"edge"}', '["amber-heron"]');
insert into "nodes" (name, labels, agent_labels, certificate_fingerprint, certificate_serial, joined_at, maintenance, url, agent_version, free_bytes, last_seen_at, removed_at, segment, segment_by, lead_role, lead_factor) values ('gone', '{}', '{}', 'f2', 's2', 1, 0, null, null, null, null, 2, null, null, 'allowed', 1);
insert into "nodes" (name, labels, agent_labels, certificate_fingerprint, certificate_serial, joined_at, maintenance, url, agent_version, free_bytes, last_seen_at, removed_at, segment, segment_by, lead_role, lead_factor) values ('web1', '{}', '{"zone":"edge"}', 'f1', 's1', 1, 1, 'http://10.0.0.1', '0.1.0', 10, 9, null, 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 'new', 'preassigned', 1.5);
insert into "group_nodes" (group_name, node) values ('edge', 'web1');
insert into "snapshots" (id, site, job, epoch, sequence, commit_id, base_tree, tree, at, previous, content_sequence, base_sequence, base_mtime) values (1, 'docs', 'j1', 1, 1, 'cccccccccccccccccccccccccccccccccccccccc', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 11, null, 1, 1, 5);
insert into "snapshots" (id, site, job, epoch, sequence, commit_id, base_tree, tree, at, previous, content_sequence, base_sequence, base_mtime) values (2, 'docs', 'j2', 1, 2, 'cccccccccccccccccccccccccccccccccccccccc', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 12, 1, 2, 1, 5);
insert into "sites" (name, repository, branch, group_name, policy, created_at, epoch, sequence, head_handled, live_snapshot, lost_decision) values ('docs', 'docs', 'main', 'all', '{"deleteShareMax":0.3}', 1, 1, 2, 'cccccccccccccccccccccccccccccccccccccccc', 2, '{"decision":{"version":1,"site":"docs","release":{"epoch":1,"sequence":3},"kind":"commit","fromTree":null,"toTree":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","decidedAt":3,"signature":"signed"},"node":"web1"}');
insert into "removed_sites" (name, epoch, removed_at) values ('old', 4, 3);
insert into "content_keys" (site, id, key, created_at, retired_at) values ('docs', 'k-1', 'AAAA', 1, 2);
insert into "content_keys" (site, id, key, created_at, retired_at) values ('docs', 'k-2', 'BBBB', 2, null);
insert into "node_sites" (node, site, phase, held, staged_tree, staged_epoch, staged_sequence, live_tree, live_epoch, live_sequence, live_since, backup_tree, backup_epoch, backup_sequence, receipt, error, setback) values ('web1', 'docs', 'stale', null, null, null, null, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1, 1, 11, null, null, null, '{}', '{"code":"NODE_LOST","message":"it’s gone"}', '{"release":{"epoch":1,"sequence":2},"error":{"code":"NODE_LOST","message":"it’s gone"}}');
insert into "jobs" (id, site, type, phase, epoch, sequence, commit_id, tree, base_tree, requested_by, branch_head, allow_delete, created_at, started_at, decided_at, ended_at, attempts, not_before, files, assignment_bytes, error) values ('j1', 'docs', 'publish', 'succeeded', 1, 1, 'cccccccccccccccccccccccccccccccccccccccc', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', null, 'author', null, 0, 10, 10, 11, 12, 1, null, 3, 100, null);
insert into "jobs" (id, site, type, phase, epoch, sequence, commit_id, tree, base_tree, requested_by, branch_head, allow_delete, created_at, started_at, decided_at, ended_at, attempts, not_before, files, assignment_bytes, error) values ('j2', 'docs', 'publish', 'committing', 1, 2, 'cccccccccccccccccccccccccccccccccccccccc', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'author', 'cccccccccccccccccccccccccccccccccccccccc', 1, 10, 11, 12, null, 0, null, null, null, null);
insert into "job_nodes" (job, node, state, staged_at, live_at, error) values ('j2', 'web1', 'lost', 11, null, '{"code":"NODE_LOST","message":"it’s gone"}');
insert into "assignments" (id, site, epoch, sequence, part_index, part_of, type, base_tree, target_tree, manifest_bytes, data_bytes, created_at, content_key) values ('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 'docs', 1, 2, 1, 1, 'publish', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 500, 40, 11, 'k-1');
insert into "decisions" (site, epoch, sequence, kind, from_tree, to_tree, decided_at, signed, job) values ('docs', 1, 1, 'commit', null, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 11, '{"version":1,"site":"docs","release":{"epoch":1,"sequence":1},"kind":"commit","fromTree":null,"toTree":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","decidedAt":1,"signature":"signed"}', 'j1');
insert into "decisions" (site, epoch, sequence, kind, from_tree, to_tree, decided_at, signed, job) values ('docs', 1, 2, 'commit', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 12, '{"version":1,"site":"docs","release":{"epoch":1,"sequence":2},"kind":"commit","fromTree":null,"toTree":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","decidedAt":2,"signature":"signed"}', 'j2');
insert into "path_times" (site, path, sequence, mtime, abandoned) values ('docs', 'a b/ü.html', 2, 6, 0);
insert into "path_times" (site, path, sequence, mtime, abandoned) values ('docs', 'gone.html', 1, 5, 1);
insert into "events" (id, at, actor, kind, site, job, node, data) values (1, 1, 'ccm', 'site.added', 'docs', null, null, '{"branch":"main"}');
insert into "tokens" (id, name, hash, roles, sites, created_at, expires_at, revoked_at) values ('t-1', 'admin', 'h1', '["admin","author"]', null, 1, null, null);
insert into "tokens" (id, name, hash, roles, sites, created_at, expires_at, revoked_at) values ('t-2', 'anna', 'h2', '["author"]', '["docs"]', 2, 99, 50);
insert into "join_tokens" (id, hash, created_at, expires_at, used_at, used_by, used_key, segment) values ('jt-1', 'h3', 1, 2, 2, 'web1', 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee');
insert into "settings" (key, value) values ('agent-url', 'https://ccm.example.org:7443');
insert into "plugin_tasks" (id, plugin, hook, site, job, payload, pass, state, attempts, not_before, error, note, created_at, ended_at) values (1, 'cache-purge', 'invalidate', 'docs', 'j1', '{"kind":"publish"}', 1, 'owed', 0, 1, '{"code":"NODE_LOST","message":"it’s gone"}', null, 1, null);
insert into "node_certificates" (id, fingerprint, serial, node, authority, issued_at, expires_at, ended_at, ended_by) values (1, 'f0', 's0', 'web1', null, 1, 20, 8, 'renewed');
insert into "node_certificates" (id, fingerprint, serial, node, authority, issued_at, expires_at, ended_at, ended_by) values (2, 'f1', 's1', 'web1', 'a1', 8, 30, null, null);
insert into "segments" (id, name, created_at, transport, channel_group, channel_port, leader, leader_term, accepted_at, report, reported_at, rate, wan_rate) values ('eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 'amber-heron', 1, 'multicast', '239.255.84.67', 17446, 'web1', 3, 8, '{"term":3,"priority":0.5,"leader":"web1","list":1,"triggers":["leader"],"members":[{"node":"web1","online":true,"address":"10.0.0.1","port":9,"capabilities":[],"offer":null}],"location":null,"timeZone":"UTC","freeBytes":1,"cpus":2,"connections":3}', 9, '{"mbit":200,"hours":[{"from":"08:00","to":"18:00","mbit":50}]}', '{"mbit":20,"hours":[{"from":"22:00","to":"06:00","mbit":null}]}');
insert into "leader_measures" (node, delay_ms, up_bytes_per_second, down_bytes_per_second, x, y, height, done, failed, updated_at) values ('web1', 12.5, 10000000, 20000000, 1.5, -2, 0.5, 3, 1, 12);
CREATE INDEX snapshots_by_site on snapshots (site, id);
CREATE INDEX sites_by_repository on sites (repository, branch);
CREATE INDEX sites_by_group on sites (group_name);
CREATE INDEX node_sites_by_node on node_sites (node);
CREATE INDEX jobs_by_site on jobs (site, created_at);
CREATE INDEX jobs_by_time on jobs (created_at);
CREATE INDEX jobs_open on jobs (site) where ended_at is null;
CREATE INDEX assignments_by_release on assignments (site, epoch, sequence);
CREATE INDEX path_times_by_mtime on path_times (site, mtime);
CREATE INDEX path_times_by_sequence on path_times (site, sequence);
CREATE TRIGGER events_never_change before update on events begin
    select raise(abort, 'the event log is append-only');
  end;
CREATE TRIGGER events_never_go before delete on events begin
    select raise(abort, 'the event log is append-only');
  end;
CREATE UNIQUE INDEX tokens_by_name on tokens (name) where revoked_at is null;
CREATE INDEX plugin_tasks_owed on plugin_tasks (plugin, hook, site, pass, id) where state = 'owed';
CREATE INDEX plugin_tasks_ended on plugin_tasks (ended_at) where ended_at is not null;
CREATE INDEX plugin_tasks_by_job on plugin_tasks (job);
CREATE INDEX node_certificates_by_node on node_certificates (node, id);
CREATE INDEX nodes_by_segment on nodes (segment);
commit;
