// The script that the pools run: it says what the pool caches and, when told so, has OPcache forget everything. It also decides where the
// script lies and what the pool is asked; not when.

import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError, replaceFile } from 'treecast/plugin';

/** Before the answer, so that it is found whatever else the pool prints. */
export const answerMark = 'treecast-answer:';
/** A parameter that no browser can set: request headers arrive as HTTP_*. */
export const actionParameter = 'TREECAST_ACTION';
export type ResetAction = 'look' | 'reset';

const source = `<?php
// Written by Treecast's php-fpm plugin; it is replaced when it differs.
if (!isset($_SERVER['${actionParameter}'])) { http_response_code(404); exit; }
ini_set('display_errors', '0');
while (ob_get_level() > 0 && ob_end_clean());
$missing = [];
foreach (['opcache_reset', 'opcache_get_status'] as $name) {
  if (!function_exists($name)) { $missing[] = $name; }
}
$loaded = extension_loaded('Zend OPcache');
$usable = $loaded && !$missing;
$status = $usable ? @opcache_get_status(false) : false;
$warning = (error_get_last() ?? [])['message'] ?? '';
$reset = $usable && $_SERVER['${actionParameter}'] === 'reset' ? @opcache_reset() : false;
clearstatcache(true);
$counts = is_array($status) ? ($status['opcache_statistics'] ?? []) : [];
echo "\\n${answerMark}", json_encode([
  'php' => PHP_VERSION,
  'loaded' => $loaded,
  'enabled' => $loaded && (bool) ini_get('opcache.enable'),
  'missing' => $missing,
  'warning' => (string) $warning,
  'readable' => is_array($status),
  'reset' => $reset,
  'pending' => (bool) ($status['restart_pending'] ?? false),
  'restarting' => (bool) ($status['restart_in_progress'] ?? false),
  'restarts' => ($counts['manual_restarts'] ?? 0) + ($counts['oom_restarts'] ?? 0) + ($counts['hash_restarts'] ?? 0),
  'restrictedTo' => (string) ini_get('opcache.restrict_api'),
  'preload' => (string) ini_get('opcache.preload'),
  'remembers' => (int) ini_get('realpath_cache_size') > 0 && (int) ini_get('realpath_cache_ttl') >= 0,
], JSON_INVALID_UTF8_SUBSTITUTE), "\\n";
`;

const prefix = 'treecast-php-fpm-';
const name = `${prefix}${createHash('sha256').update(source).digest('hex').slice(0, 12)}.php`;
/** The pool's user reads the script and passes through its directory; nobody but the agent's user writes. */
const [scriptMode, directoryMode] = [0o644, 0o711];

/** The script's path, there when it resolves; a new text has a new name, so that no cache can hold the former one. */
export async function installResetScript(directory: string, own: boolean): Promise<string> {
  const path = join(directory, name);
  try {
    await mkdir(directory, { recursive: true, mode: directoryMode });
    if (own) await chmod(directory, directoryMode);
    if ((await readFile(path, 'utf8').catch(() => '')) !== source)
      await replaceFile(path, source, scriptMode);
    for (const other of await readdir(directory)) {
      if (other.startsWith(prefix) && other.endsWith('.php') && other !== name)
        await rm(join(directory, other), { force: true });
    }
    return path;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new PluginError(`the script for the pools could not be written to ${directory} (${code})`, {
      cause,
      fix: 'Let the agent’s user write there, or set `scriptDirectory`.',
    });
  }
}

export function scriptParameters(script: string, action: ResetAction): Record<string, string> {
  return {
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_SOFTWARE: 'treecast',
    SERVER_PROTOCOL: 'HTTP/1.1',
    SERVER_NAME: 'localhost',
    SERVER_PORT: '80',
    REMOTE_ADDR: '127.0.0.1',
    REQUEST_METHOD: 'GET',
    REQUEST_URI: `/${name}`,
    QUERY_STRING: '',
    SCRIPT_NAME: `/${name}`,
    SCRIPT_FILENAME: script,
    DOCUMENT_ROOT: script.slice(0, -name.length - 1) || '/',
    [actionParameter]: action,
  };
}
