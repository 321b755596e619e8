import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openDataset } from "../../src/data/sources/open.js";
import { commits, files, LocalHub } from "./local-hub.js";

describe("a dataset of the hub", () => {
  let hub: LocalHub;
  let home: string;
  beforeEach(async () => {
    hub = new LocalHub();
    home = await mkdtemp(join(tmpdir(), "deit-hub-data-"));
    vi.stubEnv("HF_ENDPOINT", await hub.start());
    vi.stubEnv("HF_HOME", home);
    vi.stubEnv("HF_HUB_CACHE", undefined);
    vi.stubEnv("HUGGINGFACE_HUB_CACHE", undefined);
    vi.stubEnv("HF_HUB_OFFLINE", undefined);
    vi.stubEnv("DEIT_CACHE", join(home, "deit"));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await hub.close();
    await rm(home, { recursive: true });
  });

  it("is fetched part by part, once, and is there without a network", async () => {
    const train = await openDataset("hf:me/birds", { split: "train" });
    expect([train.length, train.classes]).toEqual([7, ["ant", "bee", "cat"]]);
    expect(hub.served).toEqual(
      files.slice(0, 2).map((name) => `/datasets/me/birds/resolve/${commits.main}/data/${name}`),
    );
    await openDataset("hf:me/birds", { split: "train" });
    expect(hub.served).toHaveLength(2);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect((await openDataset("hf:me/birds", { split: "train" })).length).toBe(7);
    await expect(openDataset("hf:me/birds", { split: "test" })).rejects.toThrow(
      "has the parts train but none for test",
    );
  });

  it("that has no Parquet files is taken as the hub has converted it", async () => {
    hub.branch = "refs/convert/parquet";
    expect((await openDataset("hf:me/birds", { split: "test" })).length).toBe(3);
    expect(hub.served[0]).toContain(`${commits["refs/convert/parquet"]}/default/validation-`);
  });

  it("is refused in a sentence if it does not exist", async () => {
    await expect(openDataset("hf:me/fish", { split: "train" })).rejects.toThrow("knows no me/fish at revision main");
    await expect(openDataset("hf:../etc", { split: "train" })).rejects.toThrow("does not name a dataset of the hub");
  });
});
