// A CCM and leaders under a virtual clock for the tests of the tree's machines: drivers that fetch one block in 20 ms from each source, links that
// lose what is under way when they break, nodes that die, are corrupt or behind NAT. Checks nothing itself; rates and wide networks are src/sim's.

import { seededRandom } from '../../testing/lan.ts';
import { createDistribution } from '../distribution.ts';
import { createDueTimes } from '../due-times.ts';
import { createRelayMachine } from '../relay-machine.ts';
import type {
  Distribution,
  DistributionEffect,
  DistributionInput,
  RelayEffect,
  RelayInput,
  TreeLeader,
} from '../tree-machines.ts';
import { fetchOne } from './lab-fetch.ts';
import { createLabStation, type LabStation, restartRelay } from './lab-station.ts';

export interface TreeLabOptions {
  readonly leaders: number;
  readonly blocks: number;
  readonly seed?: number;
  /** Words between CCM and leaders come twice, or one before another, this share of them. */
  readonly disorder?: number;
  readonly room?: number;
  /** Of more than eight too: words take no time as far as the plan goes. */
  readonly isChain?: boolean;
  /** By index; they are there from the beginning. */
  readonly nat?: readonly number[];
}

export type LabWord =
  | { readonly ccm: DistributionEffect }
  | { readonly leader: string; readonly says: RelayEffect }
  | { readonly happens: string };

export interface TreeLab {
  readonly now: number;
  readonly words: { readonly at: number; readonly word: LabWord }[];
  readonly stations: ReadonlyMap<string, LabStation>;
  readonly distribution: Distribution;
  /** How many blocks went from each, null: the CCM. */
  readonly sent: ReadonlyMap<string | null, number>;
  /** Called after each input to the CCM. */
  onStep: () => void;
  random(): number;
  run(forMs: number): void;
  note(happens: string): void;
  kill(node: string, toldAfterMs?: number): void;
  revive(node: string): void;
  unlink(node: string): void;
  link(node: string): void;
  replace(node: string): void;
  restartCcm(): void;
  vanish(node: string): void;
  /** As if this leader said it. */
  say(input: DistributionInput): void;
}

const stepMs = 20;
const blockBytes = 131_072;

export function createTreeLab(options: TreeLabOptions): TreeLab {
  const { blocks, disorder = 0, room = 16, nat = [], isChain = false } = options;
  const random = seededRandom(options.seed ?? 1);
  const due = createDueTimes<() => void>();
  const stations = new Map<string, LabStation>();
  const words: TreeLab['words'] = [];
  const sent = new Map<string | null, number>();
  let now = 0;
  let runs = 0;
  let replaced = 0;
  let distribution: Distribution;

  const note = (happens: string): unknown => words.push({ at: now, word: { happens } });
  const latency = (): number => 10 + Math.floor(random() * 30);
  const inMs = (ms: number, act: () => void): void => due.add(now + ms, act);

  function leaderOf({ node, segment, isNat }: LabStation): TreeLeader {
    const place = isNat ? null : { address: node, port: 17_000 };
    const rate = isChain ? 1_000_000 : null;
    const rates = { upBytesPerSecond: rate, downBytesPerSecond: rate };
    return { node, segment, place, ...rates, delayMs: isChain ? 0 : null, coordinates: null };
  }

  function addStation(node: string, segment: string, isNat = false): LabStation {
    const station = createLabStation(node, segment, createRelayMachine({ node, room: isNat ? 0 : room }));
    station.isNat = isNat;
    stations.set(node, station);
    fetchStep(station);
    return station;
  }

  function newDistribution(leaders: readonly LabStation[]): void {
    runs += 1;
    const known = { bytes: blocks * blockBytes, blocks, leaders: leaders.map(leaderOf) };
    const rest = { assignment: 'a', ccmBytesPerSecond: null, firstNumber: runs * 1000 };
    distribution = createDistribution(now, { ...known, ...rest });
    for (const station of leaders) expectIt(station);
    carryOutCcm();
  }

  function toCcm(station: LabStation, input: DistributionInput): void {
    const { links } = station;
    const run = runs;
    const copies = random() < disorder ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1)
      inMs(random() < disorder ? Math.floor(200 * random()) : 20, () => {
        if (station.isLinked && station.links === links && run === runs) ccm(input);
      });
  }

  function ccm(input: DistributionInput): void {
    distribution.handle(now, input);
    carryOutCcm();
  }

  function carryOutCcm(): void {
    for (let effect = distribution.pollEffect(); effect; effect = distribution.pollEffect()) {
      words.push({ at: now, word: { ccm: effect } });
      if (effect.effect === 'handOut') {
        const { handOut } = effect;
        toLeader(handOut.node, () => input(handOut.node, { input: 'handOut', ...handOut }));
      } else if (effect.effect === 'answer') {
        const { node, next, more } = effect;
        toLeader(node, () => {
          for (const each of next) stations.get(node)?.toNotify.set(each.node, each);
          input(node, { input: 'answer', next: next.map((each) => each.node), more });
        });
      }
    }
    lab.onStep();
  }

  function toLeader(node: string, act: () => void): void {
    const station = stations.get(node);
    const links = station?.links;
    inMs(20, () => {
      if (station?.isAlive && station.isLinked && station.links === links) act();
    });
  }

  function input(node: string, given: RelayInput): void {
    const station = stations.get(node);
    if (station === undefined || !station.isAlive) return;
    station.relay.handle(now, given);
    carryOut(station);
  }

  function carryOut(station: LabStation): void {
    const { node, relay } = station;
    for (let effect = relay.pollEffect(); effect; effect = relay.pollEffect()) {
      words.push({ at: now, word: { leader: node, says: effect } });
      if (effect.effect === 'fetch') {
        stopServing(station);
        station.sources = effect.sources;
        station.failed.clear();
        station.silentSince.clear();
      } else if (effect.effect === 'notify') notify(station, effect.node);
      else if (effect.effect === 'sayState') toCcm(station, { ...effect, input: 'state', node, figures: [] });
      else if (effect.effect === 'askNext') toCcm(station, { ...effect, input: 'next', node });
      else if (effect.effect === 'sayLost') toCcm(station, { ...effect, input: 'sourceLost', node });
    }
  }

  function notify(station: LabStation, child: string): void {
    const handOut = station.toNotify.get(child);
    inMs(latency(), () => {
      const other = stations.get(child);
      const isReached = handOut !== undefined && other?.isAlive === true && !other.isNat;
      if (isReached) input(child, { input: 'handOut', ...handOut });
      const outcome = isReached ? 'accepted' : 'unreachable';
      inMs(latency(), () => input(station.node, { input: 'notified', node: child, outcome }));
    });
  }

  function stopServing(station: LabStation): void {
    for (const { node } of station.sources) serves(node, station, false);
  }

  function serves(source: string | null, station: LabStation, isServed: boolean): void {
    const feeds = source === null ? undefined : stations.get(source)?.feeds;
    if (source === null || feeds === undefined || feeds.has(station.node) === isServed) return;
    if (isServed) feeds.add(station.node);
    else feeds.delete(station.node);
    input(source, { input: 'serving', node: station.node, isServed });
  }

  function fetchStep(station: LabStation): void {
    inMs(stepMs, () => {
      if (stations.get(station.node) !== station) return;
      for (const source of station.isAlive ? station.sources : []) {
        const { node } = source;
        const went = fetchOne(now, station, source, node === null ? null : stations.get(node), blocks);
        serves(node, station, went.isServed);
        if (went.trouble !== null)
          input(station.node, { input: 'sourceFailed', source: node, trouble: went.trouble });
        if (!went.isProgress) continue;
        sent.set(node, (sent.get(node) ?? 0) + 1);
        input(station.node, { input: 'progress', heldBlocks: station.held.size, blocks });
      }
      fetchStep(station);
    });
  }

  function expectIt({ node }: LabStation): void {
    toLeader(node, () => input(node, { input: 'expected' }));
  }

  function stationOf(node: string): LabStation {
    const station = stations.get(node);
    if (station === undefined) throw new Error(`there is no ${node}`);
    return station;
  }

  function setLink(station: LabStation, isLinked: boolean): void {
    station.isLinked = isLinked;
    station.links += 1;
    if (isLinked) {
      ccm({ input: 'leader', leader: leaderOf(station) });
      expectIt(station);
    }
    input(station.node, { input: 'link', isUp: isLinked });
  }

  function die(station: LabStation): void {
    station.isAlive = false;
    station.isLinked = false;
    station.links += 1;
    stopServing(station);
  }

  /** Whatever is due next, until then. */
  function step(until: number): boolean {
    let at = due.next() ?? until;
    let act: (() => void) | undefined;
    const consider = (timeout: number | undefined, then: () => void): void => {
      if (timeout === undefined || timeout > Math.min(at, until)) return;
      at = timeout;
      act = then;
    };
    for (const station of stations.values())
      if (station.isAlive)
        consider(station.relay.nextTimeout(), () => {
          station.relay.onTimeout(now);
          carryOut(station);
        });
    consider(distribution.nextTimeout(), () => {
      distribution.onTimeout(now);
      carryOutCcm();
    });
    act ??= due.take(until);
    if (act === undefined) return false;
    now = Math.max(now, at);
    act();
    return true;
  }

  const lab: TreeLab = {
    ...{ words, stations, sent, random, note, say: ccm, onStep: () => {} },
    get now() {
      return now;
    },
    get distribution() {
      return distribution;
    },

    run(forMs) {
      const until = now + forMs;
      for (let last = now, atOnce = 0; step(until); ) {
        atOnce = now === last ? atOnce + 1 : 0;
        last = now;
        if (atOnce > 100_000) throw new Error('the clock stands still');
      }
      now = until;
    },

    kill(node, toldAfterMs = 100) {
      const station = stationOf(node);
      if (!station.isAlive) return;
      note(`${node} dies`);
      die(station);
      const { links, segment } = station;
      inMs(toldAfterMs, () => {
        if (station.links === links) ccm({ input: 'leaderGone', segment, node });
      });
    },

    revive(node) {
      const station = stationOf(node);
      if (station.isAlive) return;
      note(`${node} is back`);
      station.isAlive = true;
      restartRelay(station, createRelayMachine({ node, room: station.isNat ? 0 : room }));
      if (station.held.size > 0) input(node, { input: 'progress', heldBlocks: station.held.size, blocks });
      setLink(station, true);
    },

    unlink(node) {
      const station = stationOf(node);
      if (!station.isLinked) return;
      note(`${node} loses its link`);
      setLink(station, false);
      ccm({ input: 'leaderGone', segment: station.segment, node });
    },

    link(node) {
      const station = stationOf(node);
      if (station.isLinked || !station.isAlive) return;
      note(`${node} has its link again`);
      setLink(station, true);
    },

    replace(node) {
      const station = stationOf(node);
      die(station);
      stations.delete(node);
      replaced += 1;
      note(`r${replaced} leads in place of ${node}`);
      setLink(addStation(`r${replaced}`, station.segment), true);
    },

    restartCcm() {
      note('the CCM is restarted');
      const linked = [...stations.values()].filter(({ isLinked }) => isLinked);
      for (const station of linked) setLink(station, false);
      newDistribution([]);
      for (const station of linked)
        inMs(Math.floor(1000 * random()), () => {
          if (station.isAlive && !station.isLinked && stations.has(station.node)) setLink(station, true);
        });
    },

    vanish(node) {
      note(`what ${node} holds is gone`);
      stationOf(node).held.clear();
      input(node, { input: 'vanished' });
    },
  };
  for (let index = 0; index < options.leaders; index += 1)
    addStation(`n${index}`, `s${index}`, nat.includes(index));
  newDistribution([...stations.values()]);
  return lab;
}
