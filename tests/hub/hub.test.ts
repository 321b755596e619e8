import { createHash } from "node:crypto";
import { lstat, mkdir, mkdtemp, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type HubOptions, hubFile, hubWeights } from "../../src/hub/hub.js";

const content = Buffer.alloc(300_000, "weights ");
const sha256 = createHash("sha256").update(content).digest("hex");
const commit = "0123456789abcdef0123456789abcdef01234567";
const safetensors = "model.safetensors";

/** A local stand-in for the hub: what it tells of repositories, and files from a second host, with faults on demand. */
class Hub {
  /** Files of the one repository there is, timm/tiny. */
  files = [safetensors];
  head = commit;
  cutAfter: number[] = [];
  tamper = false;
  status?: number;
  info: Record<string, unknown> = {};
  /** What was asked for: downloads' ranges, and the credentials each host was shown. */
  readonly ranges: (string | undefined)[] = [];
  readonly resolved: string[] = [];
  readonly credentials = { hub: new Set<string | undefined>(), store: new Set<string | undefined>() };
  readonly #servers: Server[] = [];
  endpoint = "";
  #store = "";

  async start(): Promise<void> {
    this.#store = await this.#listen((request, response) => this.#serve(request, response));
    this.endpoint = await this.#listen((request, response) => this.#answer(request, response));
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  async #listen(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
    const server = createServer(handler);
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.credentials.hub.add(request.headers.authorization);
    const json = (value: unknown) => response.setHeader("content-type", "application/json").end(JSON.stringify(value));
    const url = request.url ?? "";
    if (this.status !== undefined) response.writeHead(this.status).end("{}");
    else if (/^\/api\/models\/timm\/tiny\/revision\/(main|refs%2Fpr%2F1)\?/.test(url)) {
      json({ _id: "1", id: "timm/tiny", sha: this.head, lastModified: "2024-01-01T00:00:00.000Z" });
    } else if (url === `/api/models/timm/tiny/paths-info/${this.head}`) {
      const lfs = { oid: sha256, size: content.length, pointerSize: 134 };
      json(this.files.map((path) => ({ type: "file", path, size: content.length, oid: "x", lfs, ...this.info })));
    } else if (url.startsWith("/timm/tiny/resolve/")) {
      this.resolved.push(url);
      response.writeHead(302, { location: `${this.#store}/blob?signature=x` }).end();
    } else response.writeHead(404).end("{}");
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.credentials.store.add(request.headers.authorization);
    this.ranges.push(request.headers.range);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const body = this.tamper ? Buffer.from(content).fill("X", 1000, 1010) : content;
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": body.length - from,
      ...(from > 0 ? { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` } : {}),
    });
    const cut = this.cutAfter.shift();
    if (cut === undefined) response.end(body.subarray(from));
    else response.write(body.subarray(from, from + cut), () => setTimeout(() => response.destroy(), 30));
  }
}

describe("hubFile", () => {
  let hub: Hub;
  let home: string;
  let options: HubOptions & { environment: Record<string, string> };
  const snapshot = (name: string, of = commit) => join(home, "hub", "models--timm--tiny", "snapshots", of, name);

  beforeEach(async () => {
    hub = new Hub();
    await hub.start();
    home = await mkdtemp(join(tmpdir(), "deit-hub-"));
    vi.stubEnv("HF_HOME", home);
    vi.stubEnv("HF_HUB_CACHE", undefined);
    vi.stubEnv("HUGGINGFACE_HUB_CACHE", undefined);
    options = { environment: { HF_ENDPOINT: `${hub.endpoint}/` } };
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await hub.stop();
    await rm(home, { recursive: true });
  });

  it("downloads into the shared cache, once", async () => {
    const progress: number[] = [];
    const path = await hubFile("timm/tiny", safetensors, { ...options, onProgress: (done) => progress.push(done) });
    expect(path).toBe(snapshot(safetensors));
    expect(await readFile(path)).toEqual(content);
    expect(progress.at(-1)).toBe(content.length);
    expect(await hubFile("timm/tiny", safetensors, options)).toBe(path);
    expect(hub.ranges).toEqual([undefined]);
  });

  it("lays the cache out as the Python programs do", async () => {
    const path = await hubFile("timm/tiny", safetensors, { ...options, revision: "refs/pr/1" });
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await readlink(path)).toBe(join("..", "..", "blobs", sha256));
    const ref = join(home, "hub", "models--timm--tiny", "refs", "refs", "pr", "1");
    expect(await readFile(ref, "utf8")).toBe(commit);
  });

  it("puts the cache into HF_HUB_CACHE", async () => {
    vi.stubEnv("HF_HUB_CACHE", join(home, "elsewhere"));
    const path = await hubFile("timm/tiny", safetensors, options);
    expect(path.startsWith(join(home, "elsewhere", "models--timm--tiny"))).toBe(true);
  });

  it("follows a branch that moves, without fetching the same bytes again", async () => {
    await hubFile("timm/tiny", safetensors, options);
    hub.head = "f".repeat(40);
    expect(await hubFile("timm/tiny", safetensors, options)).toBe(snapshot(safetensors, hub.head));
    expect(hub.ranges).toHaveLength(1);
  });

  it("continues where a download was cut off, as often as it must", async () => {
    hub.cutAfter = [100_000, 50_000, 0, 10];
    const path = await hubFile("timm/tiny", safetensors, options);
    expect(await readFile(path)).toEqual(content);
    expect(hub.ranges).toHaveLength(5);
    expect(hub.ranges.slice(1).every((r) => Number(/bytes=(\d+)-/.exec(r ?? "")?.[1]) > 0)).toBe(true);
    expect(hub.resolved.every((url) => url === `/timm/tiny/resolve/${commit}/${safetensors}`)).toBe(true);
  });

  it("continues with what an earlier process left", async () => {
    const blobs = join(home, "hub", "models--timm--tiny", "blobs");
    await mkdir(blobs, { recursive: true });
    await writeFile(join(blobs, `${sha256}.part`), content.subarray(0, 123_456));
    expect(await readFile(await hubFile("timm/tiny", safetensors, options))).toEqual(content);
    expect(hub.ranges).toEqual(["bytes=123456-"]);
  });

  it("refuses a file that differs from the hub's description, and does not keep it", async () => {
    hub.tamper = true;
    await expect(hubFile("timm/tiny", safetensors, options)).rejects.toThrow(/is refused: its SHA-256 is/);
    hub.tamper = false;
    expect(await readFile(await hubFile("timm/tiny", safetensors, options))).toEqual(content);
    expect(hub.ranges).toEqual([undefined, undefined]);
  });

  it("shows its token to the hub, and to no other host", async () => {
    await hubFile("timm/tiny", safetensors, { environment: { ...options.environment, HF_TOKEN: "hf_secret" } });
    expect([...hub.credentials.hub]).toEqual(["Bearer hf_secret"]);
    expect([...hub.credentials.store]).toEqual([undefined]);
  });

  it("stops on request", async () => {
    const stop = new AbortController();
    hub.cutAfter = [1000];
    const onProgress = () => stop.abort(new Error("stopped by the user"));
    await expect(hubFile("timm/tiny", safetensors, { ...options, onProgress, signal: stop.signal })).rejects.toThrow(
      "stopped by the user",
    );
  });

  it("uses the cache when offline, and names what is missing", async () => {
    const offline = { environment: { ...options.environment, HF_HUB_OFFLINE: "1" } };
    await expect(hubFile("timm/tiny", safetensors, offline)).rejects.toThrow("HF_HUB_OFFLINE=1 forbids");
    const path = await hubFile("timm/tiny", safetensors, options);
    expect(await hubFile("timm/tiny", safetensors, offline)).toBe(path);
    await hub.stop();
    expect(await hubFile("timm/tiny", safetensors, options)).toBe(path);
  });

  it("takes the PyTorch file of a repository without safetensors", async () => {
    hub.files = ["pytorch_model.bin"];
    expect(await hubWeights("timm/tiny", options)).toBe(snapshot("pytorch_model.bin"));
    await expect(hubFile("timm/tiny", safetensors, options)).rejects.toThrow('has no file "model.safetensors"');
  });

  it.each([
    ["timm/none", "The hub knows no timm/none at revision main (status 404)", {}],
    ["timm/tiny", "denies access to timm/tiny (status 401)", { status: 401 }],
    ["timm/tiny", "cannot be reached for timm/tiny", { status: 503 }],
    ["timm/tiny", "states no SHA-256", { info: { lfs: undefined } }],
    ["timm/tiny", "states no SHA-256", { info: { lfs: { oid: "../../../evil" } } }],
    ["timm/tiny", "did not return a valid Hugging Face response", { info: { size: -1 } }],
    ["timm/tiny", "did not return a valid Hugging Face response", { head: "../../../evil" }],
  ])("says what is wrong: %s, %s", async (repository, message, faults) => {
    Object.assign(hub, faults);
    await expect(hubFile(repository, safetensors, options)).rejects.toThrow(message);
  });

  it("refuses names that lead out of the cache", async () => {
    await expect(hubFile("timm/tiny", "../evil", options)).rejects.toThrow("is not a file or revision");
    await expect(hubFile("timm/tiny", safetensors, { ...options, revision: "a/../../b" })).rejects.toThrow(
      "is not a file",
    );
  });

  it("reports that the hub cannot be reached", async () => {
    const nowhere = { environment: { HF_ENDPOINT: "http://127.0.0.1:9" } };
    await expect(hubFile("timm/other", safetensors, nowhere)).rejects.toThrow("cannot be reached for timm/other");
  });
});
