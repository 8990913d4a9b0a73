// The network interfaces of this machine that are up, each with one address of a family. What is down, or has no cable, is not among them.

import { networkInterfaces } from 'node:os';

export type AddressFamily = 4 | 6;

export interface LocalInterface {
  readonly name: string;
  /** As a socket is bound to it: a link-local IPv6 address with its zone. */
  readonly address: string;
  readonly isLoopback: boolean;
}

/** The first address of each interface; of IPv6 rather one that is not link-local. */
export function localInterfaces(family: AddressFamily): LocalInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    const fitting = addresses.filter((entry) => entry.family === `IPv${family}`);
    const entry = fitting.find(({ address }) => !isLinkLocal(address)) ?? fitting[0];
    if (entry === undefined) return [];
    const address = isLinkLocal(entry.address) ? `${entry.address}%${name}` : entry.address;
    return [{ name, address, isLoopback: entry.internal }];
  });
}

/** Whether that interface is up and still has this address. */
export function isStillThere({ name, address }: LocalInterface): boolean {
  const [bare] = address.split('%');
  return networkInterfaces()[name]?.some((entry) => entry.address === bare) ?? false;
}

/** Which interface has this address. */
export function interfaceWith(address: string): string | undefined {
  const [bare] = address.split('%');
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    if (addresses.some((entry) => entry.address === bare)) return name;
  }
  return undefined;
}

export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}
