// The plugin `nginx`.

export { nginx } from './nginx.ts';
