// The type of a file by its name; text is UTF-8.

import { contentType as fullType } from 'mime-types';

const byExtension = new Map<string, string>();

export function contentTypeOf(name: string): string {
  const dot = name.lastIndexOf('.');
  const extension = dot < 0 ? '' : name.slice(dot).toLowerCase();
  const known = byExtension.get(extension);
  if (known !== undefined) return known;
  const found = (extension.length > 1 && fullType(extension)) || 'application/octet-stream';
  // Names come from a tree, so the number of extensions is bounded by it; long ones are not worth keeping.
  if (extension.length <= 16) byExtension.set(extension, found);
  return found;
}
