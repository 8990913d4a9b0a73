// Which nodes this CCM has taken out of balancers, and which of them an operator asked for; kept over restarts.

import type { SettingRegistry } from '../registry/setting-registry.ts';

export interface NodesHeldOut {
  /** Taken out, or about to be. */
  note(site: string, node: string): void;
  forget(site: string, node: string): void;
  isNoted(site: string, node: string): boolean;
  setByOperator(site: string, node: string, out: boolean): void;
  byOperator(site: string, node: string): boolean;
}

const keys = { noted: 'plugins.out', byOperator: 'plugins.out.operator' } as const;

export function createNodesHeldOut(settings: SettingRegistry): NodesHeldOut {
  const noted = openSet(settings, keys.noted);
  const byOperator = openSet(settings, keys.byOperator);
  return {
    note: (site, node) => noted.add(site, node),
    forget: (site, node) => noted.remove(site, node),
    isNoted: (site, node) => noted.has(site, node),
    setByOperator: (site, node, out) => (out ? byOperator.add(site, node) : byOperator.remove(site, node)),
    byOperator: (site, node) => byOperator.has(site, node),
  };
}

function openSet(settings: SettingRegistry, key: string) {
  const names = new Set(JSON.parse(settings.get(key) ?? '[]') as string[]);
  const save = (): void => settings.set(key, JSON.stringify([...names].sort()));
  const nameOf = (site: string, node: string): string => `${site} ${node}`;
  return {
    has: (site: string, node: string): boolean => names.has(nameOf(site, node)),
    add(site: string, node: string): void {
      if (names.has(nameOf(site, node))) return;
      names.add(nameOf(site, node));
      save();
    },
    remove(site: string, node: string): void {
      if (names.delete(nameOf(site, node))) save();
    },
  };
}
