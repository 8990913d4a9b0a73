// The plugin, as the host loads it.

export { apache } from './apache.ts';
