// One argument of an Apache directive: whatever stands in it, it is read back as it was, or refused.

import { PluginError } from 'treecast/plugin';

/** Always in quotes. For texts of our own, such as regular expressions. */
export function quoteArgument(value: string): string {
  return `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** For RewriteCond and RewriteRule, which take an argument's backslashes as they are, in quotes too. */
export function quoteRewrite(value: string): string {
  return `"${value.replaceAll('"', '\\"')}"`;
}

/** A path that has the same meaning in a directive, in a test string of mod_rewrite and in its substitution. */
export function quotePath(path: string): string {
  if (/[\p{Cc}"\\$%]/u.test(path))
    throw new PluginError(`${JSON.stringify(path)} has signs that Apache gives a meaning of its own`, {
      fix: 'Choose a directory without quotes, backslash, $, %, and control characters.',
      retryable: false,
    });
  return `"${path}"`;
}

/** Of a path, for a regular expression. */
export function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
