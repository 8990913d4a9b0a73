// CHAN-12 to CHAN-15: the control channel as a node uses it: to one node, or to everybody. To everybody is one multicast where that works, and copies
// by unicast to those whom it does not reach. Follows the interface when it goes and comes; what the bytes mean is not its matter.

import { isIP } from 'node:net';
import type { ControlChannel as ChannelPlace } from '../../../model/segment.ts';
import type { Clock } from '../../clock.ts';
import { isSameAddress, type PeerBook, type SocketAddress } from '../trust/peer-book.ts';
import { chooseInterface, type InterfaceChoice, type InterfaceWishes } from './choose-interface.ts';
import {
  type AddressFamily,
  isStillThere,
  type LocalInterface,
  localInterfaces,
} from './local-interfaces.ts';
import { familyOf, openUdpSockets, type UdpSockets } from './udp-sockets.ts';

/** A node whose address is known before it was heard; the name where that is known too. */
export interface KnownAddress extends SocketAddress {
  readonly node: string | null;
}

/** Whether multicast from and to this node arrives. */
export interface MulticastUse {
  readonly isHeard: boolean;
  readonly hears: boolean;
}

export interface ChannelState {
  readonly place: ChannelPlace;
  readonly interface: LocalInterface | null;
  /** Why this interface, or why none. */
  readonly why: string;
  /** Where this node is reached; null while it is not. */
  readonly own: SocketAddress | null;
  readonly use: MulticastUse;
  /** Whether the group is joined. */
  readonly isJoined: boolean;
  /** What the system said when the group was joined or sent to last, if that failed. */
  readonly groupError: string | null;
  readonly sendErrors: number;
  /** UDP payload since the start. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface Channel {
  state(): ChannelState;
  sendGroup(bytes: Uint8Array): void;
  /** False when it is not known where that node is. */
  sendTo(node: string, bytes: Uint8Array): boolean;
  sendAt(address: SocketAddress, bytes: Uint8Array): void;
  /** By multicast alone, to test it. */
  sendMulticast(bytes: Uint8Array): void;
  /** Those it is to reach by unicast before they were heard. */
  know(addresses: readonly KnownAddress[]): void;
  knows(): readonly KnownAddress[];
  use(use: MulticastUse): void;
  /** Goes over to another place. Resolves when it is there, or cannot be. */
  move(place: ChannelPlace): Promise<void>;
  close(): Promise<void>;
}

export interface ChannelOptions {
  readonly place: ChannelPlace;
  readonly wishes: Omit<InterfaceWishes, 'family'>;
  readonly peers: PeerBook;
  readonly clock: Clock;
  readonly onDatagram: (bytes: Buffer, source: SocketAddress) => void;
  /** The node is reached now, or not any more, or elsewhere. */
  readonly onChanged: () => void;
  readonly lookEveryMs?: number;
}

const lookEveryMs = 1_000;
/** Ways change without a change of interfaces, too; where the CCM is may have to be asked for, so that is looked at more seldom. */
const looksUntilChoice = 30;
/** Whoever wants copies and was not heard for so long gets none any more. */
const copiesMs = 180_000;

/** Resolves once the interface was looked at; that there is none is no error. */
export async function openControlChannel(options: ChannelOptions): Promise<Channel> {
  const { peers, clock } = options;
  let { place } = options;
  let sockets: UdpSockets | undefined;
  let choice: InterfaceChoice = { chosen: null, why: 'not looked yet' };
  let lastChosen: LocalInterface | undefined;
  let use: MulticastUse = { isHeard: true, hears: true };
  let joinError: string | null = null;
  let sendError: string | null = null;
  let sendErrors = 0;
  let sentBytes = 0;
  let receivedBytes = 0;
  let known: readonly KnownAddress[] = [];
  let broken = false;
  /** Of what is open. */
  let family: AddressFamily = 4;
  /** The machine's interfaces when one was chosen last, and how often it was looked since. */
  let before = '';
  let looks = 0;
  let closed = false;
  let working: Promise<void> = Promise.resolve();
  let cancelLook: (() => void) | undefined;

  function group(): SocketAddress | null {
    if (place.group === null) return null;
    // Groups of one link mean nothing without it.
    const isOfLink = /^ff[0-9a-f][12]:/.test(place.group) && choice.chosen !== null;
    return { address: isOfLink ? `${place.group}%${choice.chosen?.name}` : place.group, port: place.port };
  }

  function send(bytes: Uint8Array, to: SocketAddress): void {
    if (sockets === undefined) return;
    sentBytes += bytes.length;
    sockets.send(bytes, to);
  }

  function shut(): void {
    sockets?.close();
    sockets = undefined;
  }

  async function choose(): Promise<InterfaceChoice> {
    looks = 0;
    before = JSON.stringify(localInterfaces(family));
    return chooseInterface({ ...options.wishes, family }, lastChosen);
  }

  async function open(): Promise<void> {
    const { wanted, towards } = options.wishes;
    family = familyOf(place.group ?? [wanted, known[0]?.address, towards.host].find(isAddress) ?? '0.0.0.0');
    choice = await choose().catch((error: unknown) => ({
      chosen: null,
      why: `the interfaces cannot be looked at: ${textOf(error)}`,
    }));
    const { chosen } = choice;
    if (chosen === null || closed) return;
    lastChosen = chosen;
    broken = false;
    const base = { interface: chosen, family, port: place.port + 1, ...events };
    try {
      sockets = await openUdpSockets({ ...base, group: group() });
      joinError = null;
    } catch (error) {
      joinError = textOf(error);
      // Without the group there is still unicast.
      sockets = await openUdpSockets({ ...base, group: null }).catch(() => undefined);
    }
  }

  const events = {
    onDatagram(bytes: Buffer, source: SocketAddress) {
      receivedBytes += bytes.length;
      options.onDatagram(bytes, source);
    },
    onSent(error: Error | null, to: SocketAddress) {
      if (error !== null) sendErrors += 1;
      const all = group();
      if (all !== null && isSameAddress(to, all)) sendError = error === null ? null : textOf(error);
    },
    onError() {
      broken = true;
    },
  };

  /** One at a time, in order. What fails (without a free descriptor interfaces cannot be looked at) is looked at again a little later. */
  function work(run: () => Promise<void>): Promise<void> {
    working = working.then(run).catch(() => undefined);
    return working;
  }

  async function reopen(): Promise<void> {
    const from = sockets?.own;
    shut();
    await open();
    if (closed) return shut();
    const after = sockets?.own;
    const isSame = from !== undefined && after !== undefined && isSameAddress(from, after);
    if (!isSame && from !== after) options.onChanged();
  }

  async function look(): Promise<void> {
    const isOpen = choice.chosen !== null && sockets !== undefined && !broken;
    if (closed) return;
    if (isOpen && isStillThere(choice.chosen as LocalInterface) && !(await isElsewhere())) return;
    await reopen();
  }

  /** Another interface would be chosen now: the network was not there yet when this one was, or the way to the CCM is another. */
  async function isElsewhere(): Promise<boolean> {
    looks += 1;
    if (looks < looksUntilChoice && before === JSON.stringify(localInterfaces(family))) return false;
    const { chosen } = await choose();
    return (
      chosen !== null && (chosen.name !== choice.chosen?.name || chosen.address !== choice.chosen.address)
    );
  }

  function lookAgain(): void {
    if (closed) return;
    cancelLook = clock.after(options.lookEveryMs ?? lookEveryMs, () => void work(look).finally(lookAgain));
  }

  function addressOf(node: string): SocketAddress | undefined {
    return peers.of(node)?.source ?? known.find((entry) => entry.node === node);
  }

  /** Who gets the group's messages by itself. */
  function copies(): SocketAddress[] {
    const multicast = use.isHeard && place.group !== null && joinError === null && sendError === null;
    const from = clock.now() - copiesMs;
    const heard = [...peers.all()].filter((peer) => !multicast || (peer.wantsUnicast && peer.heardAt > from));
    const targets = heard.map(({ source }) => source);
    if (multicast) return targets;
    for (const entry of known) {
      if (entry.node !== null && peers.of(entry.node) !== undefined) continue;
      if (!targets.some((target) => isSameAddress(target, entry))) targets.push(entry);
    }
    return targets;
  }

  await work(open);
  lookAgain();
  return {
    state: () => ({
      place,
      interface: choice.chosen,
      why: choice.why,
      own: sockets?.own ?? null,
      use,
      isJoined: place.group !== null && sockets !== undefined && joinError === null,
      groupError: joinError ?? sendError,
      sendErrors,
      sentBytes,
      receivedBytes,
    }),
    sendGroup(bytes) {
      if (sockets === undefined) return;
      const all = group();
      if (all !== null) send(bytes, all);
      for (const target of copies()) if (!isSameAddress(target, sockets.own)) send(bytes, target);
    },
    sendTo(node, bytes) {
      const address = addressOf(node);
      if (address !== undefined) send(bytes, address);
      return address !== undefined;
    },
    sendAt: (address, bytes) => send(bytes, address),
    sendMulticast(bytes) {
      const all = group();
      if (all !== null) send(bytes, all);
    },
    know(addresses) {
      known = addresses;
    },
    knows: () => known,
    use(next) {
      use = next;
    },
    move: (next) =>
      work(async () => {
        place = next;
        sendError = null;
        await reopen();
      }),
    async close() {
      closed = true;
      cancelLook?.();
      await working;
      await sockets?.sent();
      shut();
    },
  };
}

function isAddress(text: string | undefined): text is string {
  return text !== undefined && isIP(text) !== 0;
}

function textOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
