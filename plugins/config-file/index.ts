// The plugin `config-file`: only what is loaded by name.

export { configFile } from './config-file.ts';
