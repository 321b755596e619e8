/** A worker thread that makes records. */
import { parentPort } from "node:worker_threads";
import { type PoolPort, serveJobs } from "../../system/threads/worker-pool.js";
import { makeRecord, type RecordJob } from "./make-record.js";

serveJobs(parentPort as unknown as PoolPort, (job: RecordJob) => makeRecord(job));
