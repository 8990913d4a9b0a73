// Which paths may be published: no component may be, or be taken by any file system for, `.`, `..` or `.git`, and lengths must fit.

import { Buffer } from 'node:buffer';
import { componentBytesMax, pathBytesMax } from '../tree-limits.ts';
import type { Violation } from './violation.ts';

/** Code points that HFS+ leaves out when it compares names. */
const ignorable = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
const dotsOnly = /^[. ]+$/;
const gitDirectory = /^(?:\.git|git~\d+)$/i;

export function checkPath(path: string): Violation | undefined {
  if (path.length * 3 > pathBytesMax && Buffer.byteLength(path) > pathBytesMax) {
    return tooLong(path, `The path is longer than ${pathBytesMax} bytes`);
  }
  for (const component of path.split('/')) {
    if (component.length * 3 > componentBytesMax && Buffer.byteLength(component) > componentBytesMax) {
      return tooLong(path, `A name in it is longer than ${componentBytesMax} bytes`);
    }
    const disguised = disguiseOf(component);
    if (disguised !== undefined) {
      return {
        code: 'PATH_FORBIDDEN',
        path,
        text: `has a component that is, or that some file systems take for, "${disguised}".`,
        fix: 'Rename or remove it; such names can reach outside the tree or into a Git directory.',
      };
    }
  }
  return undefined;
}

/** Backslashes separate on Windows, a colon starts a stream name on NTFS, trailing dots and spaces are dropped there. */
function disguiseOf(component: string): string | undefined {
  for (const part of component.includes('\\') ? component.split('\\') : [component]) {
    const name = part.replace(ignorable, '').replace(/:.*$/s, '');
    if (dotsOnly.test(name)) return name.replace(/ /g, '') === '.' ? '.' : '..';
    if (gitDirectory.test(name.replace(/[. ]+$/, ''))) return '.git';
  }
  return undefined;
}

function tooLong(path: string, what: string): Violation {
  return {
    code: 'PATH_FORBIDDEN',
    path,
    text: `cannot be made on a server. ${what}.`,
    fix: 'Use a shorter name.',
  };
}
