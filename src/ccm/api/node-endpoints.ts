// Nodes: looked at, taken into and out of maintenance, labelled, placed in segments, removed.

import { z } from 'zod';
import type { NodeResource } from '../../model/api.ts';
import type { LeadRole } from '../../model/segment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { NodeRecord } from '../registry/node-registry.ts';
import { behindResource } from '../segments/segment-resource.ts';
import type { ApiContext } from './api-context.ts';
import { defineEndpoint, type Endpoint } from './endpoint.ts';
import { labels, name } from './request-schemas.ts';

const parameters = z.strictObject({ node: name });

export const nodeEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/nodes',
    summary: 'All nodes that joined, with what each holds.',
    roles: ['viewer'],
    handle(_, context) {
      const newNodes = context.registry.groups.newNodes();
      return context.registry.nodes.list().map((node) => toResource(node, context, newNodes));
    },
  }),
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/nodes/:node',
    summary: 'One node.',
    roles: ['viewer'],
    parameters,
    handle({ parameters: { node } }, context) {
      const record = context.registry.nodes.get(node);
      const resource = toResource(record, context);
      const sites = resource.sites.map((state) => {
        const hooks = context.plugins.hookTimings.of(node, state.site);
        const scrubbedAt = context.drift.passedAt(node, state.site);
        return {
          ...state,
          ...(scrubbedAt === undefined ? {} : { scrubbedAt }),
          ...(hooks.length === 0 ? {} : { hooks }),
        };
      });
      return { ...resource, election: context.segments.electionOf(record), sites };
    },
  }),
  defineEndpoint({
    method: 'PATCH',
    path: '/api/v1/nodes/:node',
    summary:
      "Maintenance, its segment, what it may be there; `labels` replaces those set here, which win over the agent's own.",
    roles: ['operator'],
    parameters,
    body: z.strictObject({
      maintenance: z.boolean().optional(),
      labels: labels.optional(),
      segment: name.nullable().optional(),
      leadRole: z.enum(['never', 'allowed', 'preassigned']).optional(),
      leadFactor: z.number().min(0).max(100).optional(),
    }),
    async handle(input, context) {
      const { registry, service } = context;
      const { node } = input.parameters;
      registry.nodes.get(node);
      setInSegment(node, input.body, input.principal.name, context);
      if (input.body.labels !== undefined) {
        registry.nodes.setLabels(node, input.body.labels, input.principal.name);
        await service.configurationChanged();
      }
      if (input.body.maintenance !== undefined) {
        await service.setMaintenance(node, input.body.maintenance, input.principal.name);
      }
      return toResource(registry.nodes.get(node), context);
    },
  }),
  defineEndpoint({
    method: 'DELETE',
    path: '/api/v1/nodes/:node',
    summary: "Removes a node: its certificate stops working at once, its sites' content keys are rotated.",
    roles: ['admin'],
    parameters,
    status: 204,
    async handle(input, { registry, service }) {
      registry.nodes.get(input.parameters.node);
      await service.removeNode(input.parameters.node, input.principal.name);
    },
  }),
];

function setInSegment(
  node: string,
  {
    segment,
    leadRole,
    leadFactor,
  }: {
    readonly segment?: string | null | undefined;
    readonly leadRole?: LeadRole | undefined;
    readonly leadFactor?: number | undefined;
  },
  actor: string,
  { registry, segments }: ApiContext,
): void {
  if (segment !== undefined) {
    const id = segment === null ? null : registry.segments.get(segment).id;
    registry.segments.place(node, id, 'operator', actor);
  }
  if (leadRole === 'preassigned' && registry.nodes.get(node).segment === null) {
    throw new TreecastError('CONFLICT', `Node ${node} has no segment yet that it could lead.`, {
      fix: 'Give it one first: treecast segment assign SEGMENT NODE.',
    });
  }
  if (leadRole !== undefined) registry.segments.setRole(node, leadRole, actor);
  if (leadFactor !== undefined) registry.segments.setFactor(node, leadFactor, actor);
  segments.changed();
  if (leadRole === 'preassigned') segments.preferred(node);
}

function toResource(
  node: NodeRecord,
  { registry, isConnected, behind, drift }: ApiContext,
  newNodes = registry.groups.newNodes(),
): NodeResource {
  const certificate = registry.certificates.current(node.name);
  return {
    name: node.name,
    labels: node.labels,
    connected: isConnected(node.name),
    behind: behindResource(behind(node.name)),
    maintenance: node.maintenance,
    url: node.url,
    agentVersion: node.agentVersion,
    freeBytes: node.freeBytes,
    joinedAt: new Date(node.joinedAt).toISOString(),
    lastSeenAt: node.lastSeenAt === null ? null : new Date(node.lastSeenAt).toISOString(),
    certificate:
      certificate === undefined
        ? null
        : { serial: certificate.serial, expiresAt: new Date(certificate.expiresAt).toISOString() },
    isNew: newNodes.has(node.name),
    segment: node.segment === null ? null : (registry.segments.find(node.segment)?.name ?? null),
    leadRole: node.leadRole,
    leadFactor: node.leadFactor,
    sites: registry.nodes.sitesOf(node.name).map((state) => {
      const drifted = drift.of(node.name, state.site);
      return drifted === undefined ? state : { ...state, drift: drifted };
    }),
  };
}
