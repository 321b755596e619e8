// Several processes train together: real processes and connections, with an engine for tests in place of collectives.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Coordinator } from "../../src/cluster/coordinator.js";
import { type JobOptions, launchJob } from "../../src/cluster/launch-job.js";
import { type Batch, createLoader } from "../../src/data/loading/loader.js";
import { openDataset } from "../../src/data/sources/open.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";

const script = new URL("./rank.mjs", import.meta.url).pathname;
const settings = {
  ...{ model: "deit", imageSize: 16, patchSize: 4, width: 16, depth: 2, heads: 2 },
  ...{ epochs: 2, batchSize: 16, lr: 0.01, scaleLr: false, warmupEpochs: 0, emaDecay: 0.9, accumulate: 2 },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-job-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs a job and returns its exit code and what its processes other than the first have said. */
async function job(output: string, args: readonly string[], options: Partial<JobOptions> = {}) {
  const said: string[] = [];
  const code = await launchJob({
    ...{ nodes: 1, nodeRank: 0, processesPerNode: 2, token: "0123456789abcdef", graceMs: 4000 },
    ...{ script, args: [JSON.stringify(settings), join(folder, output), ...args], say: (line) => said.push(line) },
    ...options,
  });
  return { code, said };
}

const stateOf = async (output: string) => (await readSafetensors(join(folder, output, "state.safetensors"))).tensors;
async function expectSame(a: string, b: string): Promise<void> {
  const [one, other] = [await stateOf(a), await stateOf(b)];
  expect([...other.keys()]).toEqual([...one.keys()]);
  for (const [name, { data }] of one) {
    // Sums that were taken and emptied are zeros of either sign.
    expect(
      [...data].findIndex((v, i) => v !== other.get(name)!.data[i]),
      name,
    ).toBe(-1);
  }
}
const logOf = async (output: string) =>
  (await readFile(join(folder, output, "log.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { kind: string; trainLoss: number; test: { loss: number } })
    .filter((line) => line.kind === "epoch");
/** Files of a run, without the time and process that some carry in their names. */
const filesOf = async (output: string) =>
  (await readdir(join(folder, output))).map((name) => name.replace(/(tfevents)\..*/, "$1")).sort();
const freePort = async () => {
  const probe = await Coordinator.listen({ ranks: 1, token: "", host: "127.0.0.1" });
  const { port } = probe;
  await probe.close();
  return port;
};

describe("the data of several processes", () => {
  it("is the same batch, each process an equal share of it", async () => {
    const dataset = await openDataset("procedural:16:50", { split: "train" });
    const options = {
      dataset,
      batchSize: 12,
      transform: { kind: "evaluation", size: 16, cropRatio: 1, interpolation: "bicubic" },
      seed: 5,
      workers: 0,
      order: "shuffled",
      repeats: 3,
      dropLast: false,
    } as const;
    const batches = async (process?: { index: number; count: number }) => {
      const all: Batch[] = [];
      for await (const batch of createLoader({ ...options, process }).epoch(1)) all.push(batch);
      return all;
    };
    const whole = await batches();
    for (const count of [2, 4]) {
      const shares = await Promise.all(Array.from({ length: count }, (_, index) => batches({ index, count })));
      whole.forEach((batch, i) => {
        const parts = shares.map((s) => s[i]);
        expect(Buffer.concat(parts.map((p) => p.images)).equals(Buffer.from(batch.images))).toBe(true);
        expect(parts.flatMap((p) => [...p.indices])).toEqual([...batch.indices]);
        expect(parts.flatMap((p) => [...p.labels])).toEqual([...batch.labels]);
        expect(parts.reduce((sum, p) => sum + p.count, 0)).toBe(batch.count);
        expect(parts.map((p) => p.first)).toEqual(parts.map((_, p) => (p * 12) / count));
      });
    }
    expect(() => createLoader({ ...options, process: { index: 0, count: 5 } })).toThrow(/shared out among 5 processes/);
  });
});

describe("a job", { timeout: 300_000 }, () => {
  it("ends with the very weights of one process, on one node and on two", async () => {
    expect((await job("alone", [], { processesPerNode: 1 })).code).toBe(0);
    const { code, said } = await job("two", []);
    expect(code, said.join("\n")).toBe(0);
    await expectSame("alone", "two");
    // The first process alone has written, and both know the same results.
    expect(await filesOf("two")).toEqual(await filesOf("alone"));
    const told = JSON.parse(/\[rank 1\] result (.*)/.exec(said.join("\n"))![1]) as {
      epochs: { test: { loss: number } }[];
    };
    const [alone, two] = [await logOf("alone"), await logOf("two")];
    two.forEach(({ trainLoss, test }, i) => {
      expect(trainLoss).toBe(alone[i].trainLoss);
      // The mean of the parts' means differs from the mean in its last digits.
      expect(test.loss).toBeCloseTo(alone[i].test.loss, 12);
      expect({ ...test, loss: 0 }).toEqual({ ...alone[i].test, loss: 0 });
    });
    expect(told.epochs.map((e) => e.test)).toEqual(two.map((e) => e.test));

    const coordinator = `127.0.0.1:${await freePort()}`;
    const nodes = [0, 1].map((nodeRank) => job("nodes", [], { nodes: 2, nodeRank, processesPerNode: 1, coordinator }));
    expect((await Promise.all(nodes)).map((n) => n.code)).toEqual([0, 0]);
    await expectSame("alone", "nodes");
  });

  it("stops everywhere after the same run when one process is interrupted, and continues later", async () => {
    const { code, said } = await job("cut", ["--interrupt", "1"]);
    expect(code, said.join("\n")).toBe(0);
    expect(said.join("\n")).toContain('"interrupted":true');
    expect((await job("cut", ["--resume"])).code).toBe(0);
    await expectSame("alone", "cut");
  });

  it("ends as a whole, with a sentence, when one process dies", async () => {
    const { code, said } = await job("dead", ["--die", "1"]);
    // The first process was told by the coordinator, the second one was killed: whichever ended first gives the code.
    expect([7, 137]).toContain(code);
    expect(said.join("\n")).toMatch(/Rank 1 (on ".*" is gone|ended with exit code 137), so the job ends\./);
  });

  it("ends when its processes fail before they have started", async () => {
    const options = { script: new URL("../../bin/deit.js", import.meta.url).pathname, graceMs: 20_000 };
    const args = ["train", "procedural:16:32", "--engine", "xla", "--plugin", "cpu", "--output", join(folder, "no")];
    const { code, said } = await job("no", [], { ...options, args });
    expect(code).toBe(6);
    // The second one says the same, or that the job has ended before it came.
    expect(said.join("\n")).toMatch(/plugin "cpu" has no connection between processes|the job has ended/);
  });

  it("needs an address on several nodes, and node numbers that fit", async () => {
    await expect(job("x", [], { nodes: 2 })).rejects.toThrow(/`coordinator: "host:port"`/);
    await expect(job("x", [], { nodes: 2, nodeRank: 2 })).rejects.toThrow(/numbered 0 to 1/);
  });
});
