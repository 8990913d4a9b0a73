// The one definition of this package.

export { probe } from './probe.ts';
