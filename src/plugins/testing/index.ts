// `treecast/plugin/testing`: what a plugin's tests are written with. Needs node:test around it.

export { type ConformanceFixture, testPluginConformance } from './conformance.ts';
export { type ContentEventFacts, contentEvent } from './content-event.ts';
export { runHook } from './run-hook.ts';
export { createSiteOnDisk, directorySnapshot, type FilesByPath, type SiteOnDisk } from './site-on-disk.ts';
export {
  jsonBody,
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandIn,
} from './stand-in-server.ts';
export { type StartedPlugin, type StartPluginOptions, startPlugin } from './start-plugin.ts';
export { testNeeding } from './test-needing.ts';
