// The plugin; its parts are its own.

export { cachePurge } from './cache-purge.ts';
