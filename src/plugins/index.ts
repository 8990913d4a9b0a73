// `treecast/plugin`: everything a plugin is written with. What is not here is none of a plugin's business.

export { z } from 'zod';
export { writeFileAtomic as replaceFile } from '../net/atomic-file.ts';
export {
  definePlugin,
  type PluginDefinition,
  type PluginParts,
  type PluginSetup,
} from './api/define-plugin.ts';
export {
  type FailurePolicy,
  type HookKind,
  type HookName,
  type HookRow,
  hookTable,
  type PluginPlace,
} from './api/hook-table.ts';
export * from './api/hooks.ts';
export { PluginError, type PluginErrorOptions } from './api/plugin-error.ts';
export type { Exec, ExecOptions, ExecResult, PluginHost, PluginLog } from './api/plugin-host.ts';
export { Secret, secret } from './api/secret.ts';
export { createKeptAssets, type KeptAssets, keptAssetsSchema } from './assets/kept-assets.ts';
export { type TwinsPolicy, twinsSchema, writeTwins } from './assets/write-twins.ts';
export { type FileContents, readContents, writeContents } from './files/file-contents.ts';
export { createGuardedFiles, type GuardedFiles } from './files/guarded-files.ts';
export { openTreeFile, readTreeFile, treePathProblem } from './files/tree-file.ts';
export {
  quoted,
  type RequestAnswer,
  type RequestOptions,
  requestWithRetry,
} from './http/request-with-retry.ts';
export { askUntilSteady, type SteadyOptions } from './programs/ask-until-steady.ts';
export { pathGlob } from './urls/path-glob.ts';
export { type UrlMap, type UrlMapInput, urlMapSchema } from './urls/url-map.ts';
export { urlPattern } from './urls/url-pattern.ts';
export { treeFacts, type UrlsOfChanges, urlsOfChanges, urlVariants } from './urls/urls-of-changes.ts';
