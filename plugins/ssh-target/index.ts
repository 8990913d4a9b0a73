// The plugin `ssh-target`: only what is loaded by name.

export { sshTarget } from './ssh-target.ts';
