import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 as reference } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Dataset, subset } from "../../src/data/dataset/dataset.js";
import { datasetIdentity } from "../../src/data/dataset/identity.js";
import { createLoader } from "../../src/data/loading/loader.js";
import { type PackOptions, packRecords } from "../../src/data/packing/pack.js";
import { encodeFoot, encodeHead, encodeRecordHead } from "../../src/data/records/layout.js";
import { IndexBuilder, type IndexEntry } from "../../src/data/records/record-index.js";
import { openDataset } from "../../src/data/sources/open.js";
import { proceduralDataset } from "../../src/data/sources/procedural.js";
import type { Transform } from "../../src/data/view/transform.js";
import { readSample } from "../../src/data/view/view.js";
import { FileError, InterruptedError } from "../../src/errors/errors.js";
import { crc32 } from "../../src/formats/crc32.js";
import { crc32ByTable } from "../../src/formats/crc32-table.js";

const images = new URL("../fixtures/images/", import.meta.url).pathname;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deit records 猫 "));
});
afterAll(() => rm(root, { recursive: true }));

const train = { split: "train" } as const;
const raw: PackOptions = { encoding: "raw", size: 256, workers: 1 };
const drawn = (count: number, size = 8, split: "train" | "test" = "train") => proceduralDataset({ size, count, split });
const pixels = (data: Dataset) =>
  Promise.all(Array.from({ length: data.length }, (_, i) => readSample(data.source(i), { jpeg: "exact" })));
const allOf = <T>(data: Dataset, of: (i: number) => T) => Array.from({ length: data.length }, (_, i) => of(i));

/** A file as docs/records.md describes it, read without the code under test. */
function byTheBook(file: Buffer) {
  const u32 = (at: number) => file.readUInt32LE(at);
  const u64 = (at: number) => Number(file.readBigUInt64LE(at));
  const foot = file.length - 32;
  const [index, indexBytes] = [u64(foot), u64(foot + 8)];
  expect(u32(foot + 16)).toBe(reference(file.subarray(index, index + indexBytes)));
  expect(u32(foot + 20)).toBe(reference(file.subarray(foot, foot + 20)));
  const [n, aboutBytes] = [u32(index), u32(index + 4)];
  const about = JSON.parse(file.toString("utf8", index + 8, index + 8 + aboutBytes));
  const offsets = index + 8 + aboutBytes;
  const column = (c: number, i: number) => u32(offsets + 8 * n + 4 * (c * n + i));
  const keys = offsets + 8 * n + 24 * n;
  const records = Array.from({ length: n }, (_, i) => {
    const offset = u64(offsets + 8 * i);
    const [length, width, height, checksum, label, end] = [0, 1, 2, 3, 4, 5].map((c) => column(c, i));
    const content = file.subarray(offset, offset + length);
    expect(checksum).toBe(reference(content));
    expect([0, 8, 12, 16, 20].map((at) => u32(offset - 28 + at))).toEqual([
      0x44434552,
      width,
      height,
      length,
      checksum,
    ]);
    const start = i === 0 ? 0 : column(5, i - 1);
    return { width, height, label, key: file.toString("utf8", keys + start, keys + end), content };
  });
  return {
    magic: file.toString("latin1", 0, 8),
    version: u32(8),
    description: JSON.parse(file.toString("utf8", 24, 24 + u32(12))),
    about,
    records,
  };
}

it("crc32 gives the check value of its polynomial, by zlib and by table", () => {
  for (const crc of [crc32, crc32ByTable]) expect(crc(Buffer.from("123456789"))).toBe(0xcbf43926);
});

describe("packRecords", () => {
  it("writes the format of docs/records.md", async () => {
    const path = join(root, "book.records");
    const parts = [
      { name: "train", dataset: drawn(5) },
      { name: "test", dataset: drawn(3, 8, "test") },
    ];
    expect(await packRecords(parts, path, raw)).toMatchObject({ samples: 8, found: 0, bytes: (await stat(path)).size });
    const { magic, version, description, about, records } = byTheBook(await readFile(path));
    expect([magic, version]).toEqual(["\x89DREC\r\n\x1a", 1]);
    expect(description).toMatchObject({
      encoding: "raw",
      size: 256,
      identity: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(about).toEqual({
      name: "procedural 8×8",
      classes: parts[0].dataset.classes,
      parts: [
        { name: "train", samples: 5 },
        { name: "test", samples: 3 },
      ],
    });
    const wanted = parts.flatMap(({ dataset }) => allOf(dataset, (i) => [dataset.key(i), dataset.label(i)]));
    expect(records.map((r) => [r.key, r.label])).toEqual(wanted);
    const sources = (await Promise.all(parts.map(({ dataset }) => pixels(dataset)))).flat();
    expect(records.map((r) => Buffer.from(r.content))).toEqual(sources.map((p) => Buffer.from(p.data)));
  });

  it("is read like other data, part by part, by other class names too", async () => {
    const path = join(root, "read.records");
    const [a, b] = [drawn(12, 16), drawn(7, 16, "test")];
    await packRecords(
      [
        { name: "train", dataset: a },
        { name: "test", dataset: b },
      ],
      path,
      raw,
    );
    for (const [data, split] of [
      [a, "train"],
      [b, "test"],
    ] as const) {
      const packed = await openDataset(path, { split });
      expect([packed.name, packed.classes, packed.length]).toEqual([data.name, data.classes, data.length]);
      expect(allOf(packed, packed.key)).toEqual(allOf(data, data.key));
      expect(allOf(packed, packed.label)).toEqual(allOf(data, data.label));
      expect(await pixels(packed)).toEqual(await pixels(data));
    }
    const turned = await openDataset(path, { split: "train", classes: a.classes.toReversed() });
    expect(turned.label(0)).toBe(a.classes.length - 1);
    await expect(openDataset(path, { split: "train", classes: ["disc"] })).rejects.toThrow(FileError);
  });

  it("shrinks images, keeps small JPEGs as they are, and skips unreadable images if allowed", async () => {
    const folder = join(root, "photos");
    await mkdir(join(folder, "a"), { recursive: true });
    for (const name of ["plain.jpg", "plain.png", "truncated.jpg"])
      await copyFile(images + name, join(folder, "a", name));
    const dataset = await openDataset(folder, train);
    const parts = [{ name: "all", dataset }];
    const jpeg = { ...raw, encoding: "jpeg", quality: 95 } as const;
    await expect(packRecords(parts, join(root, "x.records"), jpeg)).rejects.toThrow(/truncated\.jpg" is cut short/);
    const skipped: string[] = [];
    const skip = { onBadImage: "skip", onSkipped: (message: string) => skipped.push(message) } as const;
    const [plain] = await pixels(subset(dataset, [0]));
    const kept = join(root, "kept.records");
    await packRecords(parts, kept, { ...jpeg, ...skip });
    expect(skipped).toEqual([expect.stringContaining("truncated.jpg")]);
    const { records } = byTheBook(await readFile(kept));
    expect(records.map((r) => r.key)).toEqual(["a/plain.jpg", "a/plain.png"]);
    expect(Buffer.from(records[0].content)).toEqual(await readFile(join(folder, "a", "plain.jpg")));
    const small = join(root, "small.records");
    await packRecords(parts, small, { ...jpeg, ...skip, size: 20 });
    const short = Math.min(plain.width, plain.height);
    const [first] = byTheBook(await readFile(small)).records;
    expect([first.width, first.height]).toEqual(
      [plain.width, plain.height].map((side) => (side === short ? 20 : Math.trunc((20 * side) / short))),
    );
  });

  it.each(["raw", "jpeg"] as const)(
    "holds images turned as they ask, or says that it does not (%s)",
    async (encoding) => {
      const folder = join(root, `turned-${encoding}`);
      const pictures = new URL("../fixtures/pictures/", import.meta.url).pathname;
      for (const name of ["a", "b"]) {
        await mkdir(join(folder, name), { recursive: true });
        await copyFile(join(pictures, "orientation-6.jpg"), join(folder, name, "1.jpg"));
      }
      const data = await openDataset(folder, train);
      const upright = await readSample(data.source(0), { jpeg: "exact", exif: "apply" });
      const pack = async (exif: "ignore" | "apply") => {
        const path = join(root, `${encoding}-${exif}.records`);
        await packRecords([{ name: "train", dataset: data }], path, {
          encoding,
          size: 256,
          quality: 100,
          workers: 1,
          exif,
        });
        return openDataset(path, train);
      };
      const turned = await pack("apply");
      const { width, height, data: found } = await readSample(turned.source(0), { jpeg: "exact" });
      expect([width, height]).toEqual([upright.width, upright.height]);
      if (encoding === "raw") expect(Buffer.from(found).equals(Buffer.from(upright.data))).toBe(true);
      const transform: Transform = { kind: "evaluation", size: 8, cropRatio: 1, interpolation: "bicubic" };
      const options = { batchSize: 1, transform, seed: 0, workers: 0, order: "sequential", dropLast: false } as const;
      await createLoader({ ...options, dataset: turned, exif: "apply" }).close();
      const lost = await pack("ignore");
      expect(() => createLoader({ ...options, dataset: lost, exif: "apply" })).toThrow(
        /pack them again with `exif: "apply"`/,
      );
    },
  );

  it("differs from the data that was packed, since its crops differ", async () => {
    const made = async (size: number) => {
      const path = join(root, `form ${size}.records`);
      await packRecords([{ name: "train", dataset: drawn(5) }], path, { ...raw, size });
      return openDataset(path, train);
    };
    const identities = [drawn(5), await made(256), await made(4)].map(datasetIdentity);
    expect(new Set(identities).size).toBe(3);
    const packed = await made(256);
    expect(datasetIdentity(subset(packed, [0, 1, 2, 3, 4]))).toBe(datasetIdentity(packed));
  });

  it("continues where it stopped, giving identical bytes, even after a torn write", async () => {
    const parts = [{ name: "all", dataset: drawn(40) }];
    const [whole, path] = [join(root, "whole.records"), join(root, "stopped.records")];
    await packRecords(parts, whole, raw);
    const stopped = async (after: number) => {
      const controller = new AbortController();
      const onProgress = (done: number) => done >= after && controller.abort();
      await expect(packRecords(parts, path, { ...raw, onProgress, signal: controller.signal })).rejects.toThrow(
        InterruptedError,
      );
    };
    await stopped(10);
    const ten = (await stat(`${path}.partial`)).size;
    await appendFile(`${path}.partial`, Buffer.alloc(100, 7));
    await stopped(25);
    await truncate(`${path}.partial`, (await stat(`${path}.partial`)).size - 5);
    const { found } = await packRecords(parts, path, { ...raw, workers: 2 });
    expect(found).toBe(24);
    expect(ten).toBeLessThan((await stat(path)).size);
    expect(await readFile(path)).toEqual(await readFile(whole));
    expect((await packRecords(parts, path, raw)).found).toBe(40);
  });

  it("refuses to mix data or settings", async () => {
    const path = join(root, "mixed.records");
    await packRecords([{ name: "all", dataset: drawn(4) }], path, raw);
    const other = packRecords([{ name: "all", dataset: drawn(5) }], path, raw);
    await expect(other).rejects.toThrow(/already exists, with other data or settings/);
    await rename(path, `${path}.partial`);
    const size = packRecords([{ name: "all", dataset: drawn(4) }], path, { ...raw, size: 6 });
    await expect(size).rejects.toThrow(/was started with other data or settings/);
  });
});

it.each(["raw", "jpeg"] as const)("%s records give the same batches with 0, 1 and 8 workers", async (encoding) => {
  const path = join(root, `${encoding}-batches.records`);
  const quality = encoding === "jpeg" ? { quality: 90 } : {};
  await packRecords([{ name: "all", dataset: drawn(40, 40) }], path, { ...raw, encoding, ...quality });
  const dataset = await openDataset(path, train);
  const batches = async (workers: number, from = 0) => {
    const transform: Transform = {
      ...({ kind: "training", size: 16, interpolation: "random", crop: "resized", flip: 0.5 } as const),
      ...{ scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
    };
    const loader = createLoader({
      ...{ dataset, transform, workers, batchSize: 8, seed: 1 },
      ...({ order: "shuffled", dropLast: true, jpeg: "fast" } as const),
    });
    const seen = [];
    for await (const { images: bytes, labels } of loader.epoch(2, from)) seen.push([bytes.slice(), labels]);
    await loader.close();
    return seen;
  };
  const alone = await batches(0);
  expect(alone).toHaveLength(5);
  expect(await batches(1)).toEqual(alone);
  expect(await batches(8, 2)).toEqual(alone.slice(2));
});

describe("a damaged file", () => {
  const path = () => join(root, "damaged.records");
  let good: Buffer;
  let wanted: unknown;
  /** All that a file holds; FileError when anything is wrong with it. */
  const read = async (bytes: Buffer) => {
    await writeFile(path(), bytes);
    const data = await openDataset(path(), train);
    return [data.classes, allOf(data, data.key), allOf(data, data.label), await pixels(data)];
  };
  beforeAll(async () => {
    const whole = join(root, "good.records");
    await packRecords([{ name: "all", dataset: drawn(3, 4) }], whole, raw);
    good = await readFile(whole);
    wanted = await read(good);
  });

  it("never gives other data, whichever byte is flipped or missing", async () => {
    for (let i = 0; i < good.length; i++) {
      const flipped = Buffer.from(good);
      flipped[i] ^= 1 << (i % 8);
      const outcome = await read(flipped).catch((error: unknown) => error);
      if (outcome instanceof FileError) expect(outcome.message).toMatch(/damaged|not a record file|version|cut short/);
      else expect(outcome).toEqual(wanted);
    }
    for (let length = 0; length < good.length; length += 7)
      await expect(read(good.subarray(0, length))).rejects.toThrow(FileError);
  });

  /** A file with right checksums around any index. */
  const forged = (change: Partial<IndexEntry>, classes = ["a"], samples = 1) => {
    const head = encodeHead({ identity: "0".repeat(64), encoding: "raw", size: 256 });
    const content = Buffer.alloc(12, 9);
    const record = { width: 2, height: 2, length: 12, checksum: crc32(content) };
    const index = new IndexBuilder();
    index.add({ ...record, offset: head.length + 28, label: 0, key: "x", ...change });
    const before = Buffer.concat([head, encodeRecordHead({ ...record, sample: 0 }), content]);
    const bytes = index.encode({ name: "forged", classes, parts: [{ name: "all", samples }] });
    const foot = encodeFoot({ offset: before.length, length: bytes.length, checksum: crc32(bytes) });
    return Buffer.concat([before, bytes, foot]);
  };
  it.each([
    ["an offset beyond the records", { offset: 2 ** 50 }],
    ["an offset in the head", { offset: 3 }],
    ["a length beyond the records", { length: 4_000_000_000 }],
    ["a size that its bytes are not", { width: 65_535, height: 65_535 }],
    ["no pixels", { width: 0, length: 0 }],
    ["a label of no class", { label: 1 }],
  ])("is refused for %s, though its checksums hold", async (_, change) => {
    await expect(read(forged(change))).rejects.toThrow(/damaged: its index does not hold/);
  });
  it("is refused for parts that do not add up", async () => {
    await expect(read(forged({}, ["a"], 2))).rejects.toThrow(/damaged: its index/);
    expect(await read(forged({}))).toBeDefined();
  });

  it("is distinguished from a different file that was at its path before", async () => {
    expect(await read(good)).toEqual(wanted);
    await rm(path());
    expect(await read(forged({}))).not.toEqual(wanted);
    await rm(path());
    expect(await read(good)).toEqual(wanted);
  });
});
