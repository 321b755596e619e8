/** A worker thread of the data doctor: examines a few samples at a time. */
import { parentPort } from "node:worker_threads";
import { type PoolPort, serveJobs } from "../../system/threads/worker-pool.js";
import type { SampleSource } from "../dataset/dataset.js";
import { type Examination, examine } from "./examine.js";

serveJobs(parentPort as unknown as PoolPort, async (sources: readonly SampleSource[]) => {
  const examined: Examination[] = [];
  for (const source of sources) examined.push(await examine(source));
  return examined;
});
