// What the CCM can be asked to do: called by the HTTP API and the Git endpoint, implemented by the core's runner.
// Every method throws TreecastError; every change of state is in the event log before the promise resolves.

import type { JobResource, JobUpdate, SiteStatus, VerifyResult } from '../model/api.ts';
import type { ObjectId } from '../model/tree.ts';

export interface PublishRequest {
  readonly site: string;
  /** The commit to publish; its tree becomes the wanted tree. */
  readonly commit: ObjectId;
  readonly requestedBy: string;
  /** The branch head this request handles, recorded in the job's transaction; null for `publish --ref`. */
  readonly branchHead: ObjectId | null;
  readonly allowDelete: boolean;
}

export type { JobUpdate };

export interface CcmService {
  /** Queues a publish; newest wins among the site's queued publishes. A wanted tree equal to the live one succeeds at once. */
  publish(request: PublishRequest): Promise<JobResource>;
  /** To the tree that was live before the current one. Throws NOTHING_TO_ROLL_BACK. */
  rollback(site: string, requestedBy: string): Promise<JobResource>;
  /** Throws CONFLICT when the decision has been made. */
  abort(job: string, requestedBy: string): Promise<JobResource>;
  job(id: string): Promise<JobResource>;
  jobs(filter: { readonly site?: string; readonly limit: number }): Promise<readonly JobResource[]>;
  /** Follows a job from now on; a line at least every 15 s. */
  follow(job: string): AsyncIterable<JobUpdate>;
  status(site: string): Promise<SiteStatus>;
  /** Every connected member re-reads every byte; members that are away are listed as not ok. */
  verify(site: string): Promise<VerifyResult>;
  setMaintenance(node: string, maintenance: boolean, requestedBy: string): Promise<void>;
  /** Its certificate stops working at once, its connection is closed, its sites' content keys are rotated. */
  removeNode(node: string, requestedBy: string): Promise<void>;
  /** Sites, groups or labels were changed in the database: members are granted and deprived accordingly, new members are given the wanted tree. */
  configurationChanged(): Promise<void>;
}
