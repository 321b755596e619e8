import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openDataset } from "../../src/data/sources/open.js";

const fixtures = new URL("../fixtures/data/parquet/data/", import.meta.url).pathname;
const commits = { main: "a".repeat(40), "refs/convert/parquet": "b".repeat(40) };
const files = ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "validation-00000-of-00001.parquet"];

/** A stand-in for the hub with the dataset me/birds, whose Parquet files are on one of its branches. */
class Hub {
  branch: keyof typeof commits = "main";
  readonly served: string[] = [];
  server!: Server;

  async start(): Promise<string> {
    this.server = createServer(async (request, response) => {
      const url = decodeURIComponent(request.url ?? "");
      const json = (value: unknown) =>
        response.setHeader("content-type", "application/json").end(JSON.stringify(value));
      const folder = this.branch === "main" ? "data" : "default";
      const described = async (name: string) => {
        const content = await readFile(fixtures + name);
        const oid = createHash("sha256").update(content).digest("hex");
        const path = `${folder}/${name}`;
        return {
          type: "file",
          path,
          size: content.length,
          oid: "x",
          lfs: { oid, size: content.length, pointerSize: 134 },
        };
      };
      const revision = /^\/api\/datasets\/me\/birds\/revision\/([^?]+)/.exec(url)?.[1];
      if (revision !== undefined) {
        const sha = revision in commits ? commits[revision as keyof typeof commits] : revision;
        json({ _id: "1", id: "me/birds", sha, lastModified: "2024-01-01T00:00:00.000Z" });
      } else if (url.startsWith("/api/datasets/me/birds/tree/")) {
        const here = url.includes(commits[this.branch]);
        json([
          { type: "file", path: "README.md", size: 3, oid: "y" },
          ...(here ? await Promise.all(files.map(described)) : []),
        ]);
      } else if (url.startsWith("/api/datasets/me/birds/paths-info/")) json(await Promise.all(files.map(described)));
      else if (url.startsWith("/datasets/me/birds/resolve/")) {
        this.served.push(url);
        const content = await readFile(fixtures + url.split("/").at(-1));
        response.setHeader("content-length", content.length).end(content);
      } else response.writeHead(404).end("{}");
    });
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
}

describe("a dataset of the hub", () => {
  let hub: Hub;
  let home: string;
  beforeEach(async () => {
    hub = new Hub();
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
    hub.server.closeAllConnections();
    await new Promise((resolve) => hub.server.close(resolve));
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
    await expect(openDataset("hf:../etc", { split: "train" })).rejects.toThrow("names no dataset of the hub");
  });
});
