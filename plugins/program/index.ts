// The plugin `program`: only what is loaded by name.

export { program } from './program.ts';
