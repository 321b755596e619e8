import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Dataset } from "../../src/data/dataset/dataset.js";
import { openDataset } from "../../src/data/sources/open.js";
import { readSample } from "../../src/data/view/view.js";

const fixtures = new URL("../fixtures/data/", import.meta.url).pathname;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deit-parquet-"));
  vi.stubEnv("DEIT_CACHE", join(root, "cache"));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

const labels = (data: Dataset) => Array.from({ length: data.length }, (_, i) => data.label(i));
const colour = async (data: Dataset, i: number) => [
  ...(await readSample(data.source(i), { jpeg: "exact" })).data.subarray(0, 3),
];

describe("Parquet files", () => {
  it("are read part by part, with their class names, and unpacked once", async () => {
    await cp(`${fixtures}parquet`, join(root, "birds"), { recursive: true });
    const train = await openDataset(join(root, "birds"), { split: "train" });
    expect([train.classes, labels(train)]).toEqual([
      ["ant", "bee", "cat"],
      [0, 1, 2, 1, 0, 2, 2],
    ]);
    expect(await colour(train, 4)).toEqual([45, 172, 12]);
    expect(await colour(train, 6)).toEqual([15, 193, 3]);
    expect(train.describe(6)).toMatch(/train-00001-of-00002\.parquet:row 1$/);
    expect(train.key(6)).toBe("train-00001-of-00002.parquet row 1");
    // The part called test has no labels; validation has.
    expect(labels(await openDataset(join(root, "birds"), { split: "test" }))).toEqual([1, 0, 2]);
    const made = (await readdir(join(root, "cache", "parquet"))).sort();
    await openDataset(join(root, "birds"), { split: "train" });
    expect((await readdir(join(root, "cache", "parquet"))).sort()).toEqual(made);
    expect(made).toHaveLength(6);
  });

  it("without notes of the datasets library are read by the names of their columns", async () => {
    const data = await openDataset(`${fixtures}plain.parquet`, { split: "train" });
    expect([data.classes, labels(data)]).toEqual([
      ["0", "1", "2"],
      [0, 2, 1],
    ]);
    expect(await colour(data, 2)).toEqual([25, 186, 6]);
  });

  it("with labels of other types are described correctly, and a choice selects among columns of classes", async () => {
    const at = (name: string) => `${fixtures}parquet-labels/${name}.parquet`;
    const open = (path: string) => openDataset(path, { split: "train" });
    await expect(open(at("two"))).rejects.toThrow(
      /does not tell which of its columns holds the labels: quality, species; .*parquet,label=quality:PATH\.$/,
    );
    const species = await open(`parquet,label=species:${at("two")}`);
    expect([species.classes, labels(species)]).toEqual([
      ["ant", "bee"],
      [1, 0, 1],
    ]);
    expect((await open(at("truth"))).classes).toEqual(["false", "true"]);
    await expect(open(at("lists"))).rejects.toThrow(/its column label holds several labels for each image/);
    await expect(open(at("records"))).rejects.toThrow(/its column label holds a record for each image/);
    await expect(open(at("dates"))).rejects.toThrow(/has dates in its column label, and classes are wanted/);
    await expect(open(at("names"))).rejects.toThrow(
      /has no image in row 0, only the name of a file \("a\.jpg"\); write a/,
    );
    await expect(open(at("image-lists"))).rejects.toThrow(/holds lists in its column image, and one encoded image/);
  });

  it("with a column of parts, or in several configurations, are refused until the choice is made", async () => {
    const divided = `${fixtures}parquet-labels/divided.parquet`;
    const open = (path: string, split: "train" | "test" = "train") => openDataset(path, { split });
    await expect(open(divided)).rejects.toThrow(/has a column "split", by which its rows are not divided here/);
    expect(labels(await open(`parquet,split=none:${divided}`))).toEqual([0, 1, 0]);
    await expect(open(`parquet,split=train:${divided}`)).rejects.toThrow(
      /not divided by a column, as split=train says/,
    );
    for (const name of ["plain/train", "plain/test", "fancy/train", "named"])
      await cp(divided, join(root, "configurations", name, name === "named" ? "train.parquet" : "0000.parquet"));
    await expect(open(join(root, "configurations"))).rejects.toThrow(
      /several configurations.*: "fancy", "named", "plain"/,
    );
    expect(labels(await open(join(root, "configurations/plain"), "test"))).toEqual([0, 1, 0]);
    expect(labels(await open(join(root, "configurations/named")))).toEqual([0, 1, 0]);
    await cp(divided, join(root, "configurations/named/corrupted.parquet"));
    await expect(open(join(root, "configurations/named"))).rejects.toThrow(/indicate none: "corrupted.parquet"/);
    const chosen = await open(`parquet,train=train:${join(root, "configurations/named")}`);
    expect([chosen.length, chosen.notes]).toEqual([3, [expect.stringMatching(/"corrupted.parquet" .* left out/)]]);
  });

  it("that name different classes, or the same in another order, are refused together", async () => {
    const folder = join(root, "orders");
    const [first, second] = ["train-00000-of-00002", "train-00001-of-00002"].map((name) => `${name}.parquet`);
    for (const [from, to] of [
      ['"ant", "bee"', '"bee", "ant"'],
      ['"ant", "bee"', '"ant", "fly"'],
    ] as const) {
      await cp(`${fixtures}parquet/data`, folder, { recursive: true });
      const bytes = await readFile(join(folder, second));
      const at = bytes.indexOf(from);
      expect(at).toBeGreaterThan(0);
      bytes.write(to, at);
      await writeFile(join(folder, second), bytes);
      const message = new RegExp(`${second}" names different classes, or a different order, than the files before it`);
      await expect(openDataset(folder, { split: "train" })).rejects.toThrow(message);
      // Each by itself is sound.
      expect(labels(await openDataset(join(folder, first), { split: "train" }))).toEqual([0, 1, 2, 1, 0]);
      expect(labels(await openDataset(join(folder, second), { split: "train" }))).toEqual([2, 2]);
    }
  });

  it("that lie about their rows or labels are refused in a sentence", async () => {
    const open = (path: string) => openDataset(path, { split: "train" });
    await expect(open(`${fixtures}parquet-labels/bytes.parquet`)).rejects.toThrow(/its column label .* not UTF-8/);
    await expect(open(`${fixtures}parquet-labels/none.parquet`)).rejects.toThrow(/holds no rows/);
    const bytes = await readFile(`${fixtures}plain.parquet`);
    // A field of 64 bits that is 3, in Thrift's compact protocol: the rows, of the file and of its group.
    const three = Buffer.from([0x16, 0x06]);
    for (const [rows, message] of [
      [0x08, /has no image bytes in row 3/],
      [0x05, /has a group of -3 rows, above the limit/],
      [0x04, /has more values than rows in the column/],
      [0x00, /holds no rows/],
    ] as const) {
      const lying = Buffer.from(bytes);
      for (let at = lying.indexOf(three); at >= 0; at = lying.indexOf(three, at + 1)) lying[at + 1] = rows;
      const path = join(root, `rows-${rows}.parquet`);
      await writeFile(path, lying);
      await expect(open(path)).rejects.toThrow(message);
    }
  });

  it("that are damaged are refused in a sentence, and leave nothing behind", async () => {
    const bytes = await readFile(`${fixtures}plain.parquet`);
    const fails = async (name: string, content: Buffer, message: string | RegExp) => {
      const path = join(root, `${name}.parquet`);
      await writeFile(path, content);
      await expect(openDataset(path, { split: "train" })).rejects.toThrow(message);
    };
    await fails("cut", bytes.subarray(0, 900), /The Parquet file ".*cut\.parquet" does not end as one/);
    await fails("short", bytes.subarray(0, 5), "is too short to be one");
    const magic = Buffer.from("PAR1");
    await fails(
      "zeros",
      Buffer.concat([magic, Buffer.alloc(100), magic]),
      /zeros\.parquet" cannot be decoded; get the file again/,
    );
    const footer = Buffer.from(bytes);
    footer.fill(0xff, bytes.length - 700, bytes.length - 100);
    await fails("footer", footer, /The Parquet file ".*footer\.parquet"/);
    const lengths = Buffer.from(bytes);
    lengths.writeUInt32LE(0xfffffff0, bytes.length - 8);
    await fails("length", lengths, "a footer that is longer than itself");
    expect((await readdir(join(root, "cache", "parquet"))).filter((n) => n.endsWith(".tmp"))).toEqual([]);
  });
});
