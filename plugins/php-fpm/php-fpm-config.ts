// The configuration of the PHP-FPM plugin, and what is judged of it before anything is asked.

import { isAbsolute } from 'node:path';
import { z } from 'treecast/plugin';
import type { PoolAddress } from './fast-cgi.ts';

export interface Pool {
  readonly address: PoolAddress;
  readonly chroot: string | null;
}

const absolutePath = z
  .string()
  .max(1000)
  .refine((path) => isAbsolute(path) && !path.includes('\0'), 'must be an absolute path');

const socket = z
  .string()
  .min(1)
  .max(300)
  .transform((text, context): PoolAddress => {
    const path = text.startsWith('unix:') ? text.slice('unix:'.length) : text;
    if (path.startsWith('/')) return { path };
    const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
    context.addIssue({
      code: 'custom',
      message: 'is neither the absolute path of a socket nor host:port, such as 127.0.0.1:9000',
    });
    return z.NEVER;
  });

const pool = z.union(
  [
    socket.transform((address): Pool => ({ address, chroot: null })),
    z
      .strictObject({
        socket: socket.describe('As in the pool’s `listen`.'),
        chroot: absolutePath.describe(
          'The pool’s `chroot`; `scriptDirectory` has to be below, where the pool sees it.',
        ),
      })
      .transform(({ socket: address, chroot }): Pool => ({ address, chroot: chroot.replace(/\/+$/, '') })),
  ],
  'is neither the socket of a pool (an absolute path, or host:port) nor {socket, chroot}',
);

export const phpFpmConfigSchema = z
  .strictObject({
    pools: z
      .array(pool)
      .min(1)
      .max(64)
      .describe(
        'Every pool that runs the site’s PHP: its `listen` address, or {socket, chroot} when it is in a chroot.',
      ),
    reset: z
      .enum(['opcache', 'reload', 'none'])
      .default('opcache')
      .describe(
        'After a switch: `opcache` has each pool forget its compiled scripts and resolved paths; `reload` reloads PHP-FPM; `none` only looks whether the pools answer.',
      ),
    only: z
      .array(z.string().min(1).max(500))
      .min(1)
      .max(100)
      .default(['**'])
      .describe('Globs: nothing is done for a release in which none of these paths changed.'),
    realpath: z
      .boolean()
      .default(true)
      .describe(
        'The web server names scripts through the live link, so resolved paths have to be forgotten too. False: it passes resolved paths.',
      ),
    scriptDirectory: absolutePath
      .optional()
      .describe(
        'Where the small script lies that the pools run; outside every document root. Default: the plugin’s state directory.',
      ),
    pidFile: absolutePath.optional().describe('For `reload`: the `pid` file of PHP-FPM’s master.'),
    test: z
      .array(z.string().min(1).max(1000))
      .min(1)
      .max(20)
      .optional()
      .describe(
        'For `reload`: a program and its arguments that judge PHP-FPM’s configuration first, such as [php-fpm8.2, -t]. A reload with a broken one ends PHP-FPM.',
      ),
    timeoutMs: z
      .number()
      .int()
      .min(100)
      .max(60_000)
      .default(10_000)
      .describe('How long one answer of a pool may take, in milliseconds.'),
  })
  .superRefine((config, context) => {
    const issue = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (config.reset === 'reload' && config.pidFile === undefined)
      issue('pidFile', 'is needed for `reset: reload`: the `pid` of php-fpm.conf');
    for (const path of ['pidFile', 'test'] as const)
      if (config.reset !== 'reload' && config[path] !== undefined)
        issue(path, 'is used with `reset: reload` only');
    for (const { chroot } of config.pools) {
      if (chroot !== null && !config.scriptDirectory?.startsWith(`${chroot}/`))
        issue(
          'scriptDirectory',
          `has to be a directory below the chroot ${chroot}, so that the pool sees it`,
        );
    }
  });

export type PhpFpmConfig = z.output<typeof phpFpmConfigSchema>;
