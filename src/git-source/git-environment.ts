// The environment every Git process of ours runs in: built from nothing, so that neither the operator's shell (GIT_DIR, GIT_*),
// nor system or user configuration, replace refs, lazy fetches or prompts can change what Git answers.

const nullDevice = '/dev/null';

export type GitEnvironment = Readonly<Record<string, string>>;

export function gitEnvironment(extra: GitEnvironment = {}): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: nullDevice,
    GIT_CONFIG_GLOBAL: nullDevice,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    ...extra,
  };
}
