import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { proceduralDataset } from "../../src/data/sources/procedural.js";
import { sampledSide } from "../../src/data/view/sampled-side.js";
import { cachedHubWeights } from "../../src/weights/cached.js";

afterEach(() => vi.unstubAllEnvs());

it("finds published weights of an earlier download without asking the hub", async () => {
  const home = await mkdtemp(join(tmpdir(), "deit-hub-"));
  vi.stubEnv("HF_HOME", home);
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
  const repository = "timm/deit_tiny_patch16_224.fb_in1k";
  expect(await cachedHubWeights("deit_tiny_patch16_224")).toBeUndefined();
  const folder = join(home, "hub", `models--${repository.replace("/", "--")}`);
  await mkdir(join(folder, "snapshots/abc"), { recursive: true });
  await mkdir(join(folder, "refs"));
  await writeFile(join(folder, "refs/main"), "abc");
  const path = join(folder, "snapshots/abc/model.safetensors");
  await writeFile(path, "");
  expect(await cachedHubWeights("deit_tiny_patch16_224")).toEqual({ repository, path });
  expect(await cachedHubWeights("deit")).toBeUndefined();
  await rm(home, { recursive: true });
});

it("knows how large the images of a dataset are from a few of them", async () => {
  const dataset = proceduralDataset({ size: 48, count: 100, split: "train" });
  expect(await sampledSide(dataset)).toBe(48);
  const read = vi.fn();
  expect(await sampledSide({ ...dataset, source: () => ({ kind: "callback", name: "own", read }) })).toBeUndefined();
  expect(read).not.toHaveBeenCalled();
});
