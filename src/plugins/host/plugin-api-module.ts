// What `node --import` takes so that `treecast/plugin` means this Treecast (resolve-api.ts), without importing it here.

/** A file: URL. */
export const pluginApiModule = new URL(
  import.meta.url.endsWith('.ts') ? './resolve-api.ts' : './resolve-api.js',
  import.meta.url,
).href;
