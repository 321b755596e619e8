import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hubFile } from "./hub.js";
import { hubRepository } from "./hub-names.js";

const content = Buffer.alloc(300_000, "weights ");
const sha256 = createHash("sha256").update(content).digest("hex");
const commit = "0123456789abcdef0123456789abcdef01234567";

/** A local stand-in for the hub: path information and files with ranges, with faults on demand. */
interface Faults {
  cutAfter?: number;
  tamper?: boolean;
}

describe("hubFile", () => {
  let server: Server;
  let home: string;
  let environment: Record<string, string>;
  let faults: Faults;
  let ranges: (string | undefined)[];

  beforeEach(async () => {
    faults = {};
    ranges = [];
    server = createServer((request, response) => {
      if (request.url?.startsWith("/api/models/timm/tiny/paths-info/main")) {
        const info = {
          type: "file",
          path: "model.safetensors",
          size: content.length,
          oid: "x",
          lfs: { oid: sha256, size: content.length, pointerSize: 134 },
          lastCommit: { id: commit, title: "t", date: "2024-01-01T00:00:00.000Z" },
        };
        response.setHeader("content-type", "application/json").end(JSON.stringify([info]));
      } else if (request.url === "/timm/tiny/resolve/main/model.safetensors") {
        ranges.push(request.headers.range);
        const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
        const body = faults.tamper ? Buffer.from(content).fill("X", 1000, 1010) : content;
        response.writeHead(from > 0 ? 206 : 200, {
          "content-length": body.length - from,
          ...(from > 0 ? { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` } : {}),
        });
        if (faults.cutAfter !== undefined) {
          response.write(body.subarray(from, from + faults.cutAfter), () => setTimeout(() => response.destroy(), 30));
          faults.cutAfter = undefined;
        } else response.end(body.subarray(from));
      } else response.writeHead(404).end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    home = await mkdtemp(join(tmpdir(), "deit-hub-"));
    vi.stubEnv("HF_HOME", home);
    vi.stubEnv("HF_HUB_CACHE", undefined);
    environment = { HF_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await new Promise((resolve) => server.close(resolve));
    await rm(home, { recursive: true });
  });

  it("downloads into the shared cache, once", async () => {
    const path = await hubFile("timm/tiny", "model.safetensors", { environment });
    expect(path).toBe(join(home, "hub", "models--timm--tiny", "snapshots", commit, "model.safetensors"));
    expect(await readFile(path)).toEqual(content);
    expect(await hubFile("timm/tiny", "model.safetensors", { environment })).toBe(path);
    expect(ranges).toEqual([undefined]);
  });

  it("goes on where a download was cut off", async () => {
    faults.cutAfter = 100_000;
    const path = await hubFile("timm/tiny", "model.safetensors", { environment });
    expect(await readFile(path)).toEqual(content);
    expect(ranges).toHaveLength(2);
    expect(Number(/bytes=(\d+)-/.exec(ranges[1] ?? "")?.[1])).toBeGreaterThan(0);
  });

  it("refuses a file that is not what the hub says it is", async () => {
    faults.tamper = true;
    await expect(hubFile("timm/tiny", "model.safetensors", { environment })).rejects.toThrow(
      /is refused: its SHA-256 is/,
    );
  });

  it("answers from the cache offline, and says what is missing", async () => {
    const offline = { ...environment, HF_HUB_OFFLINE: "1" };
    await expect(hubFile("timm/tiny", "model.safetensors", { environment: offline })).rejects.toThrow(
      "HF_HUB_OFFLINE=1 forbids",
    );
    const path = await hubFile("timm/tiny", "model.safetensors", { environment });
    expect(await hubFile("timm/tiny", "model.safetensors", { environment: offline })).toBe(path);
  });

  it("says that a repository is unknown, or the hub out of reach", async () => {
    await expect(hubFile("timm/none", "model.safetensors", { environment })).rejects.toThrow(
      "The hub knows no timm/none",
    );
    const nowhere = { HF_ENDPOINT: "http://127.0.0.1:9" };
    await expect(hubFile("timm/other", "model.safetensors", { environment: nowhere })).rejects.toThrow(
      "cannot be reached for timm/other",
    );
  });
});

describe("hubRepository", () => {
  it("knows the published models and takes any other by name", () => {
    expect(hubRepository("hub", "deit_tiny_patch16_224")).toBe("timm/deit_tiny_patch16_224.fb_in1k");
    expect(hubRepository("hub:me/mine", undefined)).toBe("me/mine");
    expect(() => hubRepository("hub:../etc", undefined)).toThrow("write hub:owner/name");
    expect(() => hubRepository("hub", "deit")).toThrow("No published weights are known for deit");
  });
});
