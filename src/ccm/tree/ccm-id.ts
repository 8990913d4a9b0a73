// Which CCM this is: made once, with its database, and named in every word of the tree, since leaders may hear of several (TREE-90).

import { randomBytes } from 'node:crypto';
import { ccmIdPattern } from '../../model/tree-messages.ts';
import type { SettingRegistry } from '../registry/setting-registry.ts';

const key = 'ccm-id';

export function ensureCcmId(settings: SettingRegistry): string {
  const known = settings.get(key);
  if (known !== undefined && ccmIdPattern.test(known)) return known;
  const made = randomBytes(16).toString('hex');
  settings.set(key, made);
  return made;
}
