// The package's one definition.

export { loadbalancer } from './loadbalancer.ts';
