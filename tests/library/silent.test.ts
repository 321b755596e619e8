/** A library call prints nothing; who wants to see progress gives a listener. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { OpeningProgress } from "../../src/data/dataset/opening.js";
import { openDataset, train } from "../../src/index.js";
import { root } from "../cli/run.js";
import { LocalHub } from "../data/local-hub.js";
import { image, scratchData, tar } from "../data/made-data.js";

let data: Awaited<ReturnType<typeof scratchData>>;
let hub: LocalHub;
let home: string;
let folder: string;
let shards: string;
let archives: string;
beforeAll(async () => {
  data = await scratchData();
  hub = new LocalHub();
  home = await mkdtemp(join(tmpdir(), "deit-silent-"));
  vi.stubEnv("HF_ENDPOINT", await hub.start());
  vi.stubEnv("HF_HOME", home);
  for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE"]) vi.stubEnv(name, undefined);
  vi.stubEnv("DEIT_CACHE", join(home, "deit"));
  const picture = await readFile(image);
  folder = await data.made("cat/1.png cat/2.png cat/3.png cat/4.png dog/1.png dog/2.png dog/3.png dog/4.png");
  const shard = await tar({ "1.png": picture, "1.cls": "0", "2.png": picture, "2.cls": "1" });
  shards = await data.made({ "a-0.tar": shard, "a-1.tar": shard });
  archives = await data.made({
    "n02119789.tar": await tar({ "n02119789_1.JPEG": picture }),
    "n02100735.tar": await tar({ "n02100735_1.JPEG": picture }),
  });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await data.remove();
  await rm(home, { recursive: true });
});

it("prints nothing while it opens folders, shards, archives and the hub's data, and trains", async () => {
  await mkdir(join(home, "scripts"));
  const script = join(home, "scripts", "calls.mjs");
  await writeFile(
    script,
    `
import { openDataset, train } from ${JSON.stringify(join(root, "dist/index.js"))};
for (const path of ${JSON.stringify([folder, shards, archives, "hf:me/birds"])}) await openDataset(path, { split: "train" });
const recipe = { model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2, epochs: 1, batchSize: 4, repeatedAugmentation: 1, warmupEpochs: 0 };
const run = await train(${JSON.stringify(folder)}, { recipe, engine: "onnx", workers: 1, split: 0.5, output: ${JSON.stringify(join(home, "run"))} });
if ((await run.finished).interrupted) process.exit(9);
`,
  );
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script], { env: process.env });
  expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
});

it("reports to a listener how far opening has got, and that it has ended", async () => {
  vi.stubEnv("HF_HOME", join(home, "other"));
  vi.stubEnv("DEIT_CACHE", join(home, "other-deit"));
  const told: OpeningProgress[] = [];
  const onProgress = (progress: OpeningProgress) => told.push(progress);
  await openDataset(folder, { split: "train", onProgress });
  expect(told).toEqual([]);
  for (const [path, doing] of [
    [shards, ["listing shards"]],
    [archives, ["listing (1 of 2) n02100735.tar", "listing (2 of 2) n02119789.tar"]],
    ["hf:me/birds", ["fetching data/train-00000-of-00002.parquet", "fetching data/train-00001-of-00002.parquet"]],
  ] as const) {
    told.length = 0;
    await openDataset(path, { split: "train", onProgress });
    expect([...new Set(told.map((one) => one.doing))]).toEqual(doing);
    expect(told.filter(({ ended }) => ended).map((one) => one.doing)).toEqual(doing);
    expect(told[0]).toMatchObject({ done: 0, ended: false });
  }
});

it("reports how far the opening of training images has got, before there is a run", async () => {
  vi.stubEnv("DEIT_CACHE", join(home, "trained-deit"));
  const picture = await readFile(image);
  const shard = (first: number) =>
    tar({ [`${first}.png`]: picture, [`${first}.cls`]: "0", [`${first + 1}.png`]: picture, [`${first + 1}.cls`]: "1" });
  const images = await data.made({ "b-0.tar": await shard(1), "b-1.tar": await shard(3) });
  const sizes = { model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2 };
  const recipe = { ...sizes, epochs: 1, batchSize: 2, repeatedAugmentation: 1, warmupEpochs: 0 };
  const told: OpeningProgress[] = [];
  const onProgress = (progress: OpeningProgress) => told.push(progress);
  const common = { recipe, engine: "onnx", workers: 0, onProgress } as const;
  const run = await train(images, { ...common, output: join(home, "listened") });
  expect(told.filter(({ ended }) => ended).map((one) => one.doing)).toContain("listing shards");
  expect((await run.finished).testPart).toBe("validation");
});
