// The one definition of this package.

export { notify } from './notify.ts';
