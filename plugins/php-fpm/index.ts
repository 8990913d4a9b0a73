// The plugin, as the host loads it.

export { phpFpm } from './php-fpm.ts';
