// `treecast/plugin/testing`: what a plugin's tests are written with. Needs node:test around it.

export type { HookRun } from '../host/plugin-set.ts';
export { askHttp, type HttpAnswer, type HttpQuestion } from './ask-http.ts';
export { balanceEvent } from './balance-event.ts';
export { type ConformanceFixture, type ConformanceOptions, testPluginConformance } from './conformance.ts';
export { type ContentEventFacts, contentEvent } from './content-event.ts';
export { freePort, freePorts } from './free-ports.ts';
export { listen } from './listen.ts';
export { notifyEvent } from './notify-event.ts';
export { runHook } from './run-hook.ts';
export { secretFile } from './secret-file.ts';
export { createSiteOnDisk, directorySnapshot, type FilesByPath, type SiteOnDisk } from './site-on-disk.ts';
export {
  jsonBody,
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandIn,
} from './stand-in-server.ts';
export {
  type CallOptions,
  type StartedPlugin,
  type StartPluginOptions,
  startPlugin,
} from './start-plugin.ts';
export { type RunningServer, type ServerOptions, startServer } from './start-server.ts';
export { testNeeding } from './test-needing.ts';
export { until } from './until.ts';
