// Small facts of this CCM that are neither configuration nor a table of their own, by key.

import { failpoint } from '../../faults/failpoint.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';

export interface SettingRegistry {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
}

export function createSettingRegistry(database: CcmDatabase): SettingRegistry {
  const { queries } = database;
  return {
    get(key) {
      return database.first(queries.selectFrom('settings').select('value').where('key', '=', key))?.value;
    },
    set(key, value) {
      database.run(queries.replaceInto('settings').values({ key, value }));
      database.afterCommit(() => failpoint('ccm.setting.written'));
    },
  };
}
