/** A worker thread that writes pages of training runs: plots take long enough to hold up requests. */
import { parentPort } from "node:worker_threads";
import { type PoolPort, serveJobs } from "../../system/threads/worker-pool.js";
import { Problem, type ProblemStatus } from "../problem.js";
import { RunSamples } from "./run-samples.js";
import { RunsFolder } from "./runs-folder.js";
import { listPage, showPage } from "./runs-pages.js";

/** The list of all runs below `root`, or some of them by name. */
export interface PageJob {
  readonly root: string;
  readonly names?: readonly string[];
}

/** The page, or why there is none. */
export type WrittenPage = { readonly page: string } | { readonly status: ProblemStatus; readonly message: string };

const samples = new RunSamples();

async function write({ root, names }: PageJob): Promise<WrittenPage> {
  const runs = new RunsFolder(root);
  try {
    if (names === undefined) return { page: listPage(root, await runs.all()) };
    return { page: await showPage(await runs.named(names), (run) => samples.of(run)) };
  } catch (error) {
    if (error instanceof Problem) return { status: error.status, message: error.message };
    throw error;
  }
}

serveJobs(parentPort as unknown as PoolPort, write);
