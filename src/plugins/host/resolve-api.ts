// Lets `treecast/plugin` mean this very Treecast, wherever a plugin lies: in the checkout, in a package, or as a single file.
// Importing this module is enough; it is also what `node --import` takes for a plugin's tests.

import { registerHooks } from 'node:module';

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const modules: Readonly<Record<string, string>> = {
  'treecast/plugin': new URL(`../index.${extension}`, import.meta.url).href,
  'treecast/plugin/testing': new URL(`../testing/index.${extension}`, import.meta.url).href,
};

registerHooks({
  resolve(specifier, context, next) {
    const url = modules[specifier];
    return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
  },
});
