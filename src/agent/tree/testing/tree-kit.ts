// A tree for tests of the leaders' side: leaders over real TLS and files, and the CCM's words as the test makes them up, signed as the CCM's are.

import { fixtureSigningKey } from '../../../assignment/container-fixture.ts';
import type { EncodedAssignment } from '../../../assignment/encode-assignment.ts';
import type { HandOut, NextLeader, SignedHandOut, TreeSource } from '../../../model/tree-messages.ts';
import { TreecastError } from '../../../model/treecast-error.ts';
import type { TestScope } from '../../../net/testing/temporary-directory.ts';
import { signHandOut } from '../../../net/tree/hand-out.ts';
import { type KitCcm, kitSegment, kitTicket, nowMs, runKitCcm } from '../../leader/testing/kit-ccm.ts';
import { type KitLeader, startLeader } from '../../leader/testing/leader-kit.ts';

export const kitCcmId = 'cc'.repeat(16);

/** Any leader's name and port: also of one that the test scripts. */
export interface KitPlace {
  readonly node: string;
  readonly port: number;
}

export interface KitTree {
  readonly ccm: KitCcm;
  /** Its link to the CCM is up. */
  start(node: string, more?: Parameters<typeof startLeader>[3]): Promise<KitLeader>;
}

/** Times of seconds are tenths here. */
export const fastTimes = {
  silentMs: 300,
  probeMs: 400,
  blockMs: 2_000,
  starveMs: 4_000,
  rateMs: 600,
  goneMs: 400,
  unknownMs: 500,
};

export async function startTree(t: TestScope): Promise<KitTree> {
  const ccm = await runKitCcm(t);
  return {
    ccm,
    async start(node, more = {}) {
      const leader = await startLeader(t, ccm, node, { treeTimes: fastTimes, ...more });
      leader.leader.receive({ type: 'welcome', protocol: 1, ccmTime: nowMs, releaseKeys: [], sites: [] });
      return leader;
    },
  };
}

export function placeOf({ credentials, port }: KitLeader): KitPlace {
  return { node: credentials.node, port };
}

/** A part from each; null: from the CCM. */
export function sourcesFrom(...from: readonly (KitPlace | null)[]): readonly TreeSource[] {
  const parts = from.length as 1 | 2;
  return from.map((place, part) =>
    place === null
      ? { part, parts, node: null, address: null, port: null }
      : { part, parts, node: place.node, address: '127.0.0.1', port: place.port },
  );
}

export function handOutFor(
  { header, manifest, data }: EncodedAssignment,
  node: string,
  sources: readonly TreeSource[],
  more: Partial<HandOut> = {},
  key = fixtureSigningKey,
): SignedHandOut {
  const { id: assignment, site } = header;
  const handOut: HandOut = {
    version: 1,
    purpose: 'hand-out',
    ccm: kitCcmId,
    job: 'j-1',
    site,
    assignment,
    manifestBytes: manifest.length,
    dataBytes: data.length,
    node,
    segment: kitSegment,
    number: 1,
    sources,
    ticket: kitTicket({ assignment, fetcher: node }),
    expiresAt: nowMs + 60_000,
    ...more,
  };
  return signHandOut(handOut, key);
}

export function expectIt({ leader }: KitLeader, { header, manifest, data }: EncodedAssignment): void {
  leader.receive({
    type: 'treeExpect',
    ccm: kitCcmId,
    site: header.site,
    assignment: header.id,
    manifestBytes: manifest.length,
    dataBytes: data.length,
  });
}

/** Over its own link. */
export function handOut(
  leader: KitLeader,
  assignment: EncodedAssignment,
  sources: readonly TreeSource[],
  more: Partial<HandOut> = {},
): void {
  const signed = handOutFor(assignment, leader.credentials.node, sources, more);
  leader.leader.receive({ type: 'handOut', handOut: signed });
}

/** The answer to its `treeNext`. */
export function answerNext(
  { leader }: KitLeader,
  { header }: EncodedAssignment,
  next: readonly (KitPlace & { readonly handOut: SignedHandOut })[],
  more: 'later' | 'none' = 'none',
): void {
  leader.receive({
    type: 'treeNextAnswer',
    ccm: kitCcmId,
    assignment: header.id,
    next: next.map((place): NextLeader => ({ ...place, address: '127.0.0.1' })),
    more,
  });
}

export function stateOf({ leader }: KitLeader): string | undefined {
  return leader.status().tree[0]?.state;
}

/** The last `treeState` that it said. */
export function lastState(leader: KitLeader) {
  const last = leader.saidOf('treeState').at(-1);
  if (last === undefined) throw new TreecastError('BUG', 'no state was said');
  return last;
}
