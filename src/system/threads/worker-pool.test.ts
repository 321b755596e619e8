import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { JobTooLong, WorkerPool } from "./worker-pool.js";
import { workerUrl } from "./worker-url.js";

let folder: string;
let url: URL;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-pool-"));
  const path = join(folder, "worker.mjs");
  // Dies on a job as many times as its file says, like a thread that is killed.
  await writeFile(
    path,
    `import { readFileSync, writeFileSync } from "node:fs";
     import { parentPort } from "node:worker_threads";
     import { serveJobs } from ${JSON.stringify(workerUrl("system/threads/worker-pool").href)};
     serveJobs(parentPort, async ({ n, file }) => {
       const deaths = file === undefined ? 0 : Number(readFileSync(file, "utf8"));
       if (deaths > 0) { writeFileSync(file, String(deaths - 1)); process.exit(9); }
       while (n === 1000) {}
       if (n < 0) throw new Error("negative");
       return n * n;
     });`,
  );
  url = pathToFileURL(path);
});
afterAll(() => rm(folder, { recursive: true }));

async function squares(deaths: number, size = 2): Promise<PromiseSettledResult<number>[]> {
  const file = join(folder, `deaths${deaths}`);
  await writeFile(file, String(deaths));
  const pool = new WorkerPool<{ n: number; file?: string }, number>(url, size, ({ n }) => `job ${n}`);
  const jobs = Array.from({ length: 8 }, (_, n) => pool.run(n === 3 ? { n, file } : { n }));
  return Promise.allSettled(jobs).finally(() => pool.close());
}

describe("WorkerPool", () => {
  it.each([1, 2])("replaces a worker that dies, and no job is lost (%i workers)", async (size) => {
    const results = await squares(1, size);
    expect(results.map((r) => r.status === "fulfilled" && r.value)).toEqual([0, 1, 4, 9, 16, 25, 36, 49]);
  });
  it("gives up only the job that crashed two workers", async () => {
    const results = await squares(2, 1);
    expect(results.map((r) => r.status === "fulfilled")).toEqual([true, true, true, false, true, true, true, true]);
    expect((results[3] as PromiseRejectedResult).reason.message).toBe(
      "Two workers crashed while processing job 3: it ended by itself",
    );
  });
  it("gives up a job that takes too long, and does the others", async () => {
    const pool = new WorkerPool<{ n: number }, number>(url, 1, ({ n }) => `job ${n}`, { timeLimit: 4000 });
    const results = await Promise.allSettled([2, 1000, 3].map((n) => pool.run({ n })));
    pool.close();
    expect(results.map((r) => (r.status === "fulfilled" ? r.value : r.reason))).toEqual([4, expect.any(JobTooLong), 9]);
    expect((results[1] as PromiseRejectedResult).reason.message).toContain("4000 ms to process job 1000");
  });
  it("passes on what went wrong in a job", async () => {
    const pool = new WorkerPool<{ n: number }, number>(url, 1, String);
    await expect(pool.run({ n: -1 })).rejects.toThrow("negative");
    pool.close();
  });
});
