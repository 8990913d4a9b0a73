// The sweep's table.

/** What `ccm init` passes before its token is there. */
export const initFailpoints = [
  'ccm.database.migrated',
  'ccm.keys.authority-key-written',
  'ccm.keys.authority-written',
  'ccm.keys.release-key-written',
  'ccm.setting.written',
  'file.renamed',
  'file.written',
];
