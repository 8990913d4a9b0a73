// The one definition of this package.

export { searchIndex } from './search-index.ts';
