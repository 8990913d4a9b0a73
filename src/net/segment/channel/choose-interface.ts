// CHAN-12: which interface the control channel uses, and why: the one that was named, else the one over which the CCM is reached, else the
// first that is up. A choice that was made stays while the way to the CCM leads nowhere else.

import { createSocket, type SocketType } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import {
  type AddressFamily,
  interfaceWith,
  type LocalInterface,
  localInterfaces,
} from './local-interfaces.ts';

export interface InterfaceWishes {
  readonly family: AddressFamily;
  /** Name or address. */
  readonly wanted?: string | undefined;
  /** The CCM. */
  readonly towards: { readonly host: string; readonly port: number };
}

export interface InterfaceChoice {
  /** Null: there is none now; `why` says so. */
  readonly chosen: LocalInterface | null;
  /** For people: what decided, without the interface's own name. */
  readonly why: string;
}

/** `before`: what was chosen last. */
export async function chooseInterface(
  wishes: InterfaceWishes,
  before?: LocalInterface,
): Promise<InterfaceChoice> {
  const { family, wanted } = wishes;
  const there = localInterfaces(family);
  const named = (name: string | undefined): LocalInterface | null =>
    there.find((candidate) => candidate.name === name) ?? null;
  if (wanted !== undefined) {
    const name = isIP(wanted) === 0 ? wanted : interfaceWith(wanted);
    const chosen = named(name);
    if (chosen === null)
      return { chosen, why: `agent.yaml names ${wanted}, which is not up or has no IPv${family} address` };
    // An address that was named is the one to use, of the several that the interface may have.
    const address = isIP(wanted) === family ? wanted : chosen.address;
    return { chosen: { ...chosen, address }, why: 'named in agent.yaml' };
  }
  const address = await ownAddressTowards(wishes.towards);
  const way = address === undefined ? undefined : interfaceWith(address);
  if (way !== undefined) {
    const chosen = named(way);
    if (chosen === null)
      return { chosen, why: `the CCM is reached over ${way}, which has no IPv${family} address or is down` };
    return {
      chosen:
        isIP(address ?? '') === family && !address?.startsWith('fe80')
          ? { ...chosen, address: address as string }
          : chosen,
      why: 'the CCM is reached over it',
    };
  }
  if (before !== undefined) {
    const chosen = named(before.name);
    return {
      chosen,
      why:
        chosen === null ? `${before.name} is down` : 'it was used before, and nothing leads to the CCM now',
    };
  }
  const chosen = there.find(({ isLoopback }) => !isLoopback) ?? null;
  return {
    chosen,
    why:
      chosen === null
        ? `no interface with an IPv${family} address is up`
        : 'the first that is up: nothing leads to the CCM',
  };
}

/** What the routing table says; nothing is sent. Undefined when there is no way, or it is over an interface without a cable. */
async function ownAddressTowards({ host, port }: InterfaceWishes['towards']): Promise<string | undefined> {
  const types: readonly SocketType[] =
    isIP(host) === 6 ? ['udp6'] : isIP(host) === 4 ? ['udp4'] : ['udp4', 'udp6'];
  for (const type of types) {
    const socket = createSocket(type);
    try {
      socket.connect(port, host);
      await once(socket, 'connect');
      return socket.address().address;
    } catch {
      // The next family, or none.
    } finally {
      socket.close();
    }
  }
  return undefined;
}
