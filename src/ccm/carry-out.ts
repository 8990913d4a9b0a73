// Carries out what the core asks of the outside: messages, builds, words to followers, balancers. Rows and timers are the runner's.

import type { KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import type { CcmMessage } from '../model/messages.ts';
import type { WireError } from '../model/treecast-error.ts';
import type { ActEffect } from './core/effects.ts';
import type { CoreEvent } from './core/events.ts';
import type { Delivery } from './distribution/delivery.ts';
import type { Grants } from './distribution/grants.ts';
import type { SignedAnew } from './keys/signed-anew.ts';
import type { Builds } from './planning/builds.ts';
import type { BalancerGate } from './plugins/balancer-gate.ts';
import type { Followers } from './runner/followers.ts';

export interface CarryOutOptions {
  readonly send: (node: string, message: CcmMessage) => void;
  readonly delivery: Delivery;
  readonly builds: Builds;
  readonly grants: Grants;
  readonly followers: Followers;
  readonly gate: BalancerGate;
  readonly post: (event: CoreEvent) => void;
  /** Orders a publish of the site's live tree. */
  readonly republish: (site: string) => void;
  readonly historyLost: (site: string, error: WireError) => void;
  /** Those that nodes are to believe. */
  readonly releaseKeys: () => readonly KeyObject[];
  readonly signedAnew: SignedAnew;
  /** The node's welcome was sent. */
  readonly welcomed: (node: string) => void;
  readonly now: () => number;
  readonly logger: Logger;
}

export type CarryOut = (effect: Exclude<ActEffect, { do: 'setTimer' | 'clearTimer' }>) => void;

export function createCarryOut(options: CarryOutOptions): CarryOut {
  const { send, delivery, builds, grants, followers, gate, post } = options;

  function deliver(effect: Extract<ActEffect, { do: 'deliver' }>): void {
    const { site, release } = effect;
    const able: string[] = [];
    for (const node of effect.nodes) {
      const error = grants.refusal(site, node);
      if (error === null) able.push(node);
      else post({ type: 'nodeStageFailed', node, site, release, error });
    }
    if (able.length > 0) delivery.deliver({ ...effect, nodes: able });
  }

  return (effect) => {
    switch (effect.do) {
      case 'send': {
        const { message } = effect;
        delivery.send(
          effect.nodes,
          message.type === 'decision'
            ? { ...message, decision: options.signedAnew(message.decision) }
            : message,
        );
        return;
      }
      case 'deliver':
        deliver(effect);
        return;
      case 'build':
        void builds.build(effect).then(post);
        return;
      case 'welcome':
        send(effect.node, {
          type: 'welcome',
          protocol: 1,
          ccmTime: options.now(),
          releaseKeys: options
            .releaseKeys()
            .map((key) => key.export({ type: 'spki', format: 'pem' }) as string),
          sites: grants.ofNode(effect.node),
        });
        options.welcomed(effect.node);
        return;
      case 'grant': {
        const grant = grants.ofSite(effect.site, effect.node);
        if (grant !== undefined) send(effect.node, { type: 'grant', grant });
        return;
      }
      case 'tell':
        options.logger.info({ job: effect.job }, effect.text);
        if (effect.end) followers.end(effect.job, effect.text);
        else followers.tell(effect.job, effect.text);
        return;
      case 'progressed':
        followers.progressed(effect.job);
        return;
      case 'drain': {
        const { site, job, nodes, reason } = effect;
        void gate
          .drain(site, nodes, reason)
          .then((done) => post({ type: 'drained', site, job, nodes: done }));
        return;
      }
      case 'restore': {
        const { site, job, nodes, reason } = effect;
        void gate
          .restore(site, nodes, reason)
          .then((done) => post({ type: 'restored', site, job, nodes: done }));
        return;
      }
      case 'republish':
        options.republish(effect.site);
        return;
      case 'historyLost':
        options.historyLost(effect.site, effect.error);
        return;
      case 'servingChanged':
        gate.changed(effect.site);
        return;
    }
  };
}
