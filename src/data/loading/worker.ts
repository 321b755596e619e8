/** A worker thread of the loader: fills its part of a batch in shared memory. */
import { parentPort } from "node:worker_threads";
import { type PoolPort, serveJobs } from "../../system/threads/worker-pool.js";
import { fillViews, prepareJob } from "./job.js";

serveJobs(parentPort as unknown as PoolPort, fillViews, prepareJob);
