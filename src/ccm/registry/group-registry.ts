// Content groups and who is in them: nodes named one by one, and nodes whose labels match the group's selector.

import { failpoint } from '../../faults/failpoint.ts';
import type { GroupResource } from '../../model/api.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { fromJsonColumn, toJsonColumn } from '../db/json-column.ts';
import type { EventLog } from './event-log.ts';
import { requireLabels, requireName } from './names.ts';
import type { NodeRegistry } from './node-registry.ts';

/** The group of sites that name none: every node. It cannot be changed or removed. */
export const everyNodeGroup = 'all';

export interface GroupChange {
  readonly nodes?: readonly string[];
  readonly selector?: Readonly<Record<string, string>> | null;
}

export interface GroupRegistry {
  list(): GroupResource[];
  /** Throws NOT_FOUND. */
  get(name: string): GroupResource;
  /** Names of all members, in order. Throws NOT_FOUND. */
  membersOf(name: string): string[];
  /** Names of the sites whose group this node is in, in order. */
  sitesOf(node: string): string[];
  /** Nodes that are in no group but `all`, where no site is given to `all` (R5.5). */
  newNodes(): ReadonlySet<string>;
  /** Throws INVALID_INPUT, ALREADY_EXISTS, NOT_FOUND (a node). */
  create(input: GroupChange & { readonly name: string }, actor: string): GroupResource;
  /** Replaces what it names. Throws NOT_FOUND, INVALID_INPUT, CONFLICT (`all`). */
  update(name: string, change: GroupChange, actor: string): GroupResource;
  /**
   * Whose leaders are handed out first (TREE-10): names of segments and nodes; empty: nobody's. Of `all` too. Throws NOT_FOUND, INVALID_INPUT (a name twice).
   */
  setOrder(name: string, order: readonly string[], actor: string): GroupResource;
  /** Throws NOT_FOUND, CONFLICT (`all`, or a site uses it). */
  remove(name: string, actor: string): void;
}

export function createGroupRegistry(
  database: CcmDatabase,
  nodes: NodeRegistry,
  events: EventLog,
): GroupRegistry {
  const { queries } = database;

  function list(): GroupResource[] {
    const members = Map.groupBy(
      database.all(queries.selectFrom('group_nodes').selectAll().orderBy('node')),
      (row) => row.group_name,
    );
    return database.all(queries.selectFrom('groups').selectAll().orderBy('name')).map((row) => ({
      name: row.name,
      nodes: (members.get(row.name) ?? []).map(({ node }) => node),
      selector: row.selector === null ? null : fromJsonColumn(row.selector),
      order: fromJsonColumn(row.leader_order),
    }));
  }

  function get(name: string): GroupResource {
    const group = list().find((candidate) => candidate.name === name);
    if (group) return group;
    throw new TreecastError('NOT_FOUND', `There is no content group ${JSON.stringify(name)}.`, {
      fix: 'List the groups: treecast group list.',
    });
  }

  function write(name: string, change: GroupChange): void {
    if (change.selector !== undefined) {
      const selector = change.selector && toJsonColumn(change.selector);
      database.run(queries.updateTable('groups').set({ selector }).where('name', '=', name));
    }
    if (change.nodes === undefined) return;
    database.run(queries.deleteFrom('group_nodes').where('group_name', '=', name));
    for (const node of new Set(change.nodes)) {
      nodes.get(node);
      database.run(queries.insertInto('group_nodes').values({ group_name: name, node }));
    }
  }

  function requireKnown(name: string): void {
    const segment = database.first(queries.selectFrom('segments').select('id').where('name', '=', name));
    if (segment !== undefined || nodes.find(name) !== undefined) return;
    throw new TreecastError('NOT_FOUND', `There is no segment and no node ${JSON.stringify(name)}.`, {
      fix: 'List them: treecast segment list, treecast node list.',
    });
  }

  function requireChangeable(name: string): void {
    if (name !== everyNodeGroup) return;
    throw new TreecastError('CONFLICT', 'The content group `all` always holds every node.', {
      fix: 'Make a group of your own (treecast group add) and give it to the site.',
    });
  }

  return {
    list,
    get,

    membersOf(name) {
      const group = get(name);
      const members = nodes.list().filter((node) => isMember(group, node));
      return members.map((node) => node.name);
    },

    sitesOf(node) {
      const record = nodes.get(node);
      const groups = list().filter((group) => isMember(group, record));
      const names = groups.map((group) => group.name);
      const sites = database.all(queries.selectFrom('sites').select(['name', 'group_name']).orderBy('name'));
      return sites.filter((site) => names.includes(site.group_name)).map((site) => site.name);
    },

    newNodes() {
      const used = database.first(
        queries.selectFrom('sites').select('name').where('group_name', '=', everyNodeGroup),
      );
      if (used !== undefined) return new Set();
      const groups = list().filter(({ name }) => name !== everyNodeGroup);
      const found = nodes.list().filter((node) => !groups.some((group) => isMember(group, node)));
      return new Set(found.map(({ name }) => name));
    },

    create(input, actor) {
      requireName('group', input.name);
      requireLabels(input.selector ?? {});
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.group.created'));
        if (list().some((group) => group.name === input.name)) {
          throw new TreecastError('ALREADY_EXISTS', `There is a content group ${input.name} already.`, {
            fix: 'Choose another name, or change that group: treecast group set.',
          });
        }
        database.run(queries.insertInto('groups').values({ name: input.name, selector: null }));
        write(input.name, input);
        events.append({ actor, kind: 'group.added', data: { ...input, group: input.name } });
        return get(input.name);
      });
    },

    update(name, change, actor) {
      requireLabels(change.selector ?? {});
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.group.changed'));
        get(name);
        requireChangeable(name);
        write(name, change);
        events.append({ actor, kind: 'group.changed', data: { group: name, ...change } });
        return get(name);
      });
    },

    setOrder(name, order, actor) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.group.order-set'));
        get(name);
        if (new Set(order).size < order.length)
          throw new TreecastError('INVALID_INPUT', 'A name is in the order twice.', {
            fix: 'Name each segment or node once.',
          });
        for (const each of order) requireKnown(each);
        const column = toJsonColumn([...order]);
        database.run(queries.updateTable('groups').set({ leader_order: column }).where('name', '=', name));
        events.append({ actor, kind: 'group.orderSet', data: { group: name, order } });
        return get(name);
      });
    },

    remove(name, actor) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.group.removed'));
        get(name);
        requireChangeable(name);
        const users = database.all(queries.selectFrom('sites').select('name').where('group_name', '=', name));
        if (users.length > 0) {
          const sites = users.map((site) => site.name);
          throw new TreecastError('CONFLICT', `Content group ${name} is used by ${sites.join(', ')}.`, {
            fix: 'Give those sites another group first: treecast site set SITE --group GROUP.',
            data: { sites },
          });
        }
        database.run(queries.deleteFrom('groups').where('name', '=', name));
        events.append({ actor, kind: 'group.removed', data: { group: name } });
      });
    },
  };
}

function isMember(
  group: GroupResource,
  node: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): boolean {
  if (group.nodes.includes(node.name)) return true;
  if (group.selector === null) return false;
  return Object.entries(group.selector).every(([name, value]) => node.labels[name] === value);
}
