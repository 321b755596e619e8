/** Shards behind HTTP and packed shards: brought here one by one, bounded, and the same samples in the same order. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { streamedOrder } from "../../src/data/dataset/pieces.js";
import { createLoader } from "../../src/data/loading/loader.js";
import { openDataset } from "../../src/data/sources/open.js";
import { openWebDataset } from "../../src/data/sources/shards/webdataset.js";
import { RandomStream } from "../../src/random/stream.js";
import { withoutBadImages } from "../../src/training/feed/training-data.js";
import type { TrainEvent } from "../../src/training/run-folder/events.js";

const fixtures = new URL("../fixtures/", import.meta.url).pathname;
const before = process.env.DEIT_CACHE;
const train = { split: "train" } as const;
let root: string;
let server: Server;
let host: string;
/** What the server has, by the last part of its address. */
let files: Record<string, Buffer>;
let asked: string[];
/** What is done instead of an answer, once each. */
let faults: ((send: (bytes: number) => void) => void)[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "deit shards "));
  process.env.DEIT_CACHE = join(root, "cache");
  const picture = await readFile(`${fixtures}images/plain.png`);
  files = {};
  for (let shard = 0; shard < 4; shard++) {
    const tar = pack();
    for (let i = 0; i < 3; i++) {
      tar.entry({ name: `${shard}-${i}.png` } as Header, picture);
      tar.entry({ name: `${shard}-${i}.cls` } as Header, `${(shard + i) % 3}`);
    }
    tar.finalize();
    const pieces: Buffer[] = [];
    for await (const piece of tar) pieces.push(piece as Buffer);
    files[`x-${shard}.tar`] = Buffer.concat(pieces);
  }
  asked = [];
  faults = [];
  server = createServer((request, response) => {
    const name = new URL(request.url ?? "", "http://x").pathname.split("/").at(-1)!;
    const content = files[name];
    asked.push(`${request.method} ${name} ${request.headers.range ?? ""}`.trim());
    if (!content) return void response.writeHead(404).end();
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      etag: `"${name}"`,
      "content-length": content.length - from,
      ...(from > 0 ? { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    });
    if (request.method === "HEAD") return void response.end();
    const fault = faults.shift();
    if (!fault) return void response.end(content.subarray(from));
    fault((bytes) =>
      response.write(content.subarray(from, from + bytes), () => setTimeout(() => response.destroy(), 20)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sets`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  if (before === undefined) delete process.env.DEIT_CACHE;
  else process.env.DEIT_CACHE = before;
  await rm(root, { recursive: true });
});

const gets = () => asked.filter((line) => line.startsWith("GET"));
const stored = async () =>
  (await readdir(join(root, "cache", "shards"))).filter((name) => !/\.(json|lock)$/.test(name));

async function epochOf(path: string, workers: number, options: Parameters<typeof openWebDataset>[2] = {}) {
  const loader = createLoader({
    dataset: await openWebDataset(path, train, options),
    transform: { kind: "evaluation", size: 16, cropRatio: 1, interpolation: "bilinear" },
    ...{ batchSize: 4, seed: 5, workers, order: "shuffled", dropLast: false },
  });
  const batches: { indices: number[]; images: string }[] = [];
  for await (const { indices, images } of loader.epoch(1))
    batches.push({ indices: [...indices], images: Buffer.from(images).toString("base64") });
  await loader.close();
  return batches;
}

describe("shards on the web", () => {
  it("give each sample once, the same with any number of workers, and are fetched once", async () => {
    const path = `${host}/x-{0..3}.tar?key=1`;
    const data = await openDataset(path, train);
    expect([data.length, data.classes, data.describe(0)]).toEqual([12, ["0", "1", "2"], `${host}/x-0.tar:0-0`]);
    const alone = await epochOf(path, 0);
    expect(await epochOf(path, 2)).toEqual(alone);
    expect(alone.flatMap((b) => b.indices).sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(gets().sort()).toEqual(["GET x-0.tar", "GET x-1.tar", "GET x-2.tar", "GET x-3.tar"]);
  });

  it("take a bounded part of the disk, whatever is read", async () => {
    const path = `${host}/x-{0..3}.tar`;
    const whole = await epochOf(path, 0);
    await rm(join(root, "cache"), { recursive: true });
    const bounded = { budget: files["x-0.tar"].length, fresh: 0 };
    await openWebDataset(path, train, bounded);
    const [dataset, most] = [await openWebDataset(path, train, bounded), [] as number[]];
    for (let i = 0; i < dataset.length; i++) {
      const release = await dataset.pieces!.hold([dataset.pieces!.of(i)]);
      most.push((await stored()).length);
      release();
    }
    // What is over the budget goes before the next comes, and two may come at a time.
    expect(Math.max(...most)).toBeLessThanOrEqual(3);
    expect(await epochOf(path, 0, bounded)).toEqual(whole);
  });

  it("continue where the connection was cut", async () => {
    faults = [(send) => send(3000), (send) => send(1000)];
    const data = await openWebDataset(`${host}/x-1.tar`, train, { pause: 1 });
    expect(data.length).toBe(3);
    expect(gets()).toEqual(["GET x-1.tar", "GET x-1.tar bytes=3000-", "GET x-1.tar bytes=4000-"]);
  });

  it("that are missing, of the wrong length or no archives are refused in a sentence, and nothing is kept", async () => {
    const fails = (path: string, message: string | RegExp) =>
      expect(openWebDataset(path, train, { pause: 1 })).rejects.toThrow(message);
    await fails(`${host}/x-{3..4}.tar`, /x-4\.tar answered with status 404; check the address/);
    faults = Array.from({ length: 5 }, () => (send) => send(0));
    await fails(`${host}/x-2.tar`, /was cut off or failed 5 times \(.*\)\. What has been downloaded is kept/);
    files["y.tar"] = Buffer.alloc(4096, 7);
    await fails(`${host}/y.tar`, /y\.tar" is not a usable tar archive: it does not begin as one/);
    await expect(openDataset(`${host}/photos`, train)).rejects.toThrow("names no shard");
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await fails(`${host}/x-1.tar`, /x-1\.tar cannot be reached \(nothing listens at that address, 5 times\)/);
    server.listen(0);
  });
});

describe("an image in a shard that cannot be read", () => {
  const spoilt = async () => {
    const at = files["x-0.tar"].indexOf("IDAT");
    const path = join(root, "spoilt.tar");
    await writeFile(path, Buffer.from(files["x-0.tar"]).fill(0, at - 4, at + 40));
    return path;
  };
  it("is named with its archive, and can be skipped", async () => {
    const dataset = await openDataset(await spoilt(), train);
    await expect(withoutBadImages(dataset, { data: "", workers: 0 })).rejects.toThrow(
      /^1 of 3 images cannot be read; .*`onBadImage: "skip"`:\n"[^"]*spoilt\.tar:0-0" is damaged/s,
    );
    const warnings: string[] = [];
    const onEvent = (event: TrainEvent) => void (event.kind === "warning" && warnings.push(event.message));
    const sound = await withoutBadImages(dataset, { data: "", workers: 0, onBadImage: "skip", onEvent });
    expect([sound.length, sound.key(0)]).toEqual([2, "0-1"]);
    expect(warnings).toEqual([expect.stringMatching(/^1 image is skipped:\n.*spoilt\.tar:0-0/)]);
  });
  it("ends an evaluation with its name", async () => {
    const loader = createLoader({
      dataset: await openDataset(await spoilt(), train),
      transform: { kind: "evaluation", size: 16, cropRatio: 1, interpolation: "bilinear" },
      ...{ batchSize: 2, seed: 0, workers: 0, order: "sequential", dropLast: false },
    });
    await expect(loader.epoch(0).next()).rejects.toThrow(/spoilt\.tar:0-0" is damaged/);
    await loader.close();
  });
});

it("a shard without a stated length may not take more of the disk than all shards, and nothing of it is kept", async () => {
  server.removeAllListeners("request").on("request", ({ method }, response) => {
    if (method === "HEAD") return void response.end();
    const push = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on("drain", push);
    push();
  });
  for (const name of ["x.tar", "x.tar.gz"])
    await expect(openWebDataset(`${host}/${name}`, train, { budget: 1e6 })).rejects.toThrow(/DEIT_SHARD_CACHE/);
  expect(await stored()).toEqual([]);
});

describe("packed shards", () => {
  it("are read like others, local or on the web", async () => {
    const folder = join(root, "packed");
    await mkdir(folder);
    files["x-9.tar.gz"] = gzipSync(files["x-0.tar"]);
    await writeFile(join(folder, "a.tar.gz"), files["x-9.tar.gz"]);
    const plain = join(root, "a.tar");
    await writeFile(plain, files["x-0.tar"]);
    const expected = (await epochOf(plain, 0)).flatMap((b) => b.images).length;
    for (const path of [folder, `${host}/x-9.tar.gz`]) {
      const data = await openDataset(path, train);
      expect([data.length, data.key(2)]).toEqual([3, "0-2"]);
      expect((await epochOf(path, 0)).flatMap((b) => b.images)).toHaveLength(expected);
    }
  });
  it("that are damaged are refused in a sentence", async () => {
    const path = join(root, "a.tgz");
    await writeFile(path, gzipSync(files["x-0.tar"]).subarray(0, 300));
    await expect(openDataset(path, train)).rejects.toThrow(/a\.tgz" is not a usable gzip file: it is cut short/);
    expect(await stored()).toEqual([]);
  });
  it("may not take more of the disk than all shards, and nothing of them is kept", async () => {
    const bomb = join(root, "bomb.tar.gz");
    await writeFile(bomb, gzipSync(Buffer.concat([files["x-0.tar"].subarray(0, -1024), Buffer.alloc(3e6)])));
    await expect(openWebDataset(bomb, train, { budget: 1e6 })).rejects.toThrow(
      /bomb\.tar\.gz" takes more than 0\.000931 GiB.*DEIT_SHARD_CACHE/,
    );
    expect(await stored()).toEqual([]);
  });
  it("beside class folders are taken to be their original archives", async () => {
    const path = join(root, "photos");
    for (const name of ["ant", "bee"]) {
      await mkdir(join(path, name), { recursive: true });
      await copyFile(`${fixtures}images/plain.png`, join(path, name, "1.png"));
    }
    await writeFile(join(path, "photos.tar.gz"), "x");
    expect((await openDataset(path, train)).classes).toEqual(["ant", "bee"]);
  });
});

describe("streamedOrder", () => {
  const pieces = { of: (i: number) => Math.floor(i / 100) };
  const stream = (epoch: number) => new RandomStream({ seed: 1, epoch, purpose: "shuffle" });

  it("is a permutation that changes with the epoch", () => {
    const order = streamedOrder(1000, pieces, stream(1), 150);
    expect(new Set(order).size).toBe(1000);
    expect(streamedOrder(1000, pieces, stream(1), 150)).toEqual(order);
    expect(streamedOrder(1000, pieces, stream(2), 150)).not.toEqual(order);
  });
  it("wants pieces one after the other, as far as its buffer goes", () => {
    const first = new Map<number, number>();
    for (const [at, i] of streamedOrder(1000, pieces, stream(3), 150).entries())
      if (!first.has(pieces.of(i))) first.set(pieces.of(i), at);
    // A piece cannot be wanted before the buffer has reached it.
    for (const [n, at] of [...first.values()].sort((a, b) => a - b).entries())
      expect(at).toBeGreaterThanOrEqual(100 * n - 150);
  });
  it("gives each sample each place of a buffer's reach alike", () => {
    const counts = new Array(6).fill(0);
    for (let epoch = 0; epoch < 6000; epoch++) counts[streamedOrder(6, { of: () => 0 }, stream(epoch), 10)[0]]++;
    const chiSquare = counts.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(20.5); // five degrees of freedom, one in a thousand
  });
});
