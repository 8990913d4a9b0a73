// Sites, groups and nodes as the operator has them now: new members are given the wanted tree, former ones lose the site.

import { adoptHolding } from './connection.ts';
import { endJob } from './ending.ts';
import type { EventOf, SiteConfiguration } from './events.ts';
import { noteDecision } from './lost-decision.ts';
import { noteLive } from './node-live.ts';
import { clearSetback, isWithheld } from './setback.ts';
import { consider, undoStaging } from './staging.ts';
import type { NodeState, SiteState } from './state.ts';
import { endedPhases, newSiteState, undecidedPhases } from './state.ts';
import { synchronize } from './synchronize.ts';
import { nodeSiteOf, runningJob, saveJobNode, saveNodeSite, siteOf, type Turn } from './turn.ts';

export function configured(turn: Turn, event: EventOf<'configured'>): void {
  const { state } = turn;
  state.removedSites = new Map(event.removedSites.map(({ name, epoch }) => [name, epoch]));
  for (const { name, maintenance } of event.nodes) {
    const node = state.nodes.get(name);
    if (node === undefined) {
      // It has never been here.
      state.nodes.set(name, {
        name,
        connection: null,
        isAway: true,
        maintenance,
        sites: new Map(),
        unknownSites: new Map(),
      });
      continue;
    }
    if (node.maintenance && !maintenance) leaveMaintenance(turn, node);
    node.maintenance = maintenance;
  }
  const names = new Set(event.nodes.map((node) => node.name));
  for (const name of [...state.nodes.keys()]) if (!names.has(name)) state.nodes.delete(name);
  const kept = new Set(event.sites.map((site) => site.name));
  for (const site of [...state.sites.values()]) if (!kept.has(site.name)) removeSite(turn, site);
  for (const configuration of event.sites) configureSite(turn, configuration);
}

function configureSite(turn: Turn, configuration: SiteConfiguration): void {
  const known = turn.state.sites.get(configuration.name);
  const members = new Set(configuration.members);
  if (known === undefined) {
    const site = { ...newSiteState(configuration), members };
    turn.state.sites.set(site.name, site);
    adoptKnownHoldings(turn, site);
    grantAll(turn, configuration.name, members);
    return;
  }
  const former = known.members;
  const policyChanged = JSON.stringify(known.policy) !== JSON.stringify(configuration.policy);
  if (known.repository !== configuration.repository || known.branch !== configuration.branch) {
    // Another head counts as not handled yet: it is found and published.
    known.headHandled = null;
    turn.effects.push({ do: 'saveSite', site: known.name });
  }
  known.repository = configuration.repository;
  known.branch = configuration.branch;
  known.policy = configuration.policy;
  known.members = members;
  for (const name of former) if (!members.has(name)) revoke(turn, known, name);
  // The job may have waited for those only.
  const job = runningJob(turn, known);
  if (job !== undefined) consider(turn, known, job);
  grantAll(
    turn,
    known.name,
    policyChanged ? members : new Set([...members].filter((name) => !former.has(name))),
  );
  for (const name of [...members].sort()) {
    const node = turn.state.nodes.get(name);
    if (node !== undefined) synchronize(turn, known, node);
  }
  turn.toStart.add(known.name);
}

/** Nodes that hold the site already said so when it was not known here. */
function adoptKnownHoldings(turn: Turn, site: SiteState): void {
  for (const node of turn.state.nodes.values()) {
    const holding = node.unknownSites.get(site.name);
    node.unknownSites.delete(site.name);
    if (holding === undefined || node.connection === null) continue;
    if (site.members.has(node.name)) adoptHolding(turn, node, holding);
    else if (holding.lastDecision !== null) noteDecision(turn, site, node.name, holding.lastDecision);
  }
}

/** It was out of service: what could not be taken out before may be switched now (JOB-22). */
function leaveMaintenance(turn: Turn, node: NodeState): void {
  for (const nodeSite of node.sites.values()) {
    if (nodeSite.setback?.error.code !== 'DRAIN_FAILED') continue;
    clearSetback(nodeSite);
    nodeSite.told = 'no';
    noteLive(turn, node, nodeSite.site, nodeSite.live);
  }
}

function grantAll(turn: Turn, site: string, members: ReadonlySet<string>): void {
  for (const name of [...members].sort()) {
    const node = turn.state.nodes.get(name);
    if (node?.connection == null) continue;
    turn.effects.push({ do: 'grant', node: name, site });
    const configured = siteOf(turn, site);
    const isSilent = configured !== undefined && isWithheld(turn.state, configured, name);
    nodeSiteOf(node, site).told = isSilent ? 'no' : 'yes';
  }
}

/** Leaving a group removes the site from the BES. */
function revoke(turn: Turn, site: SiteState, name: string): void {
  const node = turn.state.nodes.get(name);
  const job = runningJob(turn, site);
  const state = job?.nodes.get(name);
  if (job !== undefined && state !== undefined && state.state !== 'live' && state.state !== 'left-out') {
    state.state = 'left-out';
    saveJobNode(turn, job, name);
    turn.effects.push({ do: 'clearTimer', timer: { kind: 'lost', job: job.id, node: name } });
  }
  if (node === undefined) return;
  if (node.connection !== null)
    turn.effects.push({ do: 'send', nodes: [name], message: { type: 'removed', site: site.name } });
  if (node.sites.delete(site.name)) saveNodeSite(turn, node, site.name);
}

function removeSite(turn: Turn, site: SiteState): void {
  const job = runningJob(turn, site);
  if (job !== undefined && undecidedPhases.includes(job.phase)) undoStaging(turn, site, job);
  for (const open of [...turn.state.jobs.values()]) {
    if (open.site !== site.name || endedPhases.includes(open.phase)) continue;
    endJob(turn, open, 'aborted', `site ${site.name} was removed`, {
      code: 'ABORTED',
      message: `site ${site.name} was removed`,
    });
  }
  for (const name of site.members) revoke(turn, site, name);
  turn.state.sites.delete(site.name);
}
