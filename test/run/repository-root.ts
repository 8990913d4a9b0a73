// Where the repository is on this machine, whatever directory the caller stands in.

import { resolve } from 'node:path';

export const repositoryRoot = resolve(import.meta.dirname, '../..');
