import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsePolicy } from "../../src/data/augment/policy.js";
import { findBadImages } from "../../src/data/check/check-images.js";
import { addImagesBelow, FileList, readClassFile } from "../../src/data/dataset/files.js";
import { createLoader, type LoaderOptions } from "../../src/data/loading/loader.js";
import { openDataset } from "../../src/data/sources/open.js";
import { proceduralDataset } from "../../src/data/sources/procedural.js";

const images = new URL("../fixtures/images/", import.meta.url).pathname;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deit data ö "));
});
afterAll(() => rm(root, { recursive: true }));

/** Makes a tree of copies of a fixture. */
async function tree(name: string, files: Readonly<Record<string, string | undefined>>): Promise<string> {
  for (const [path, from] of Object.entries(files)) {
    await mkdir(join(root, name, path, ".."), { recursive: true });
    if (from === undefined) await mkdir(join(root, name, path), { recursive: true });
    else await copyFile(images + from, join(root, name, path));
  }
  return join(root, name);
}

describe("openDataset", () => {
  it("reads class folders in code-point order, sub-folders and any script", async () => {
    const path = await tree("classes", {
      "b/1.png": "plain.png",
      "b/deep/2.PNG": "plain.png",
      "猫/ x.jpg": "plain.jpg",
      "A/1.webp": "plain.webp",
      "A/notes.txt": "plain.png",
    });
    const data = await openDataset(path, { split: "train" });
    expect(data.classes).toEqual(["A", "b", "猫"]);
    expect(Array.from({ length: data.length }, (_, i) => data.label(i))).toEqual([0, 1, 1, 2]);
  });

  it("enters the requested part", async () => {
    const path = await tree("parts", {
      "train/a/1.png": "plain.png",
      "train/b/1.png": "plain.png",
      "val/a/2.png": "plain.png",
      "val/b/2.png": "plain.png",
      "val/b/3.png": "plain.png",
    });
    expect((await openDataset(path, { split: "train" })).length).toBe(2);
    expect((await openDataset(path, { split: "test" })).length).toBe(3);
  });

  it("reads classes from file names, in the order of a class file", async () => {
    const path = await tree("flat", { "n02_b.png": "plain.png", "n01_a_c.png": "plain.png" });
    await writeFile(join(root, "classes.txt"), "n02 second\nn01 first one\n");
    const classes = await readClassFile(join(root, "classes.txt"));
    const data = await openDataset(path, { split: "test", classes });
    expect([data.label(0), data.label(1)]).toEqual([1, 0]);
    expect((await openDataset(path, { split: "test" })).classes).toEqual(["n01", "n02"]);
  });

  it("ends on a loop of links", async () => {
    const path = await tree("loop", { "a/1.png": "plain.png" });
    await symlink(path, join(path, "a", "again"));
    expect((await openDataset(path, { split: "train" })).length).toBe(1);
  });

  it("takes no images of other classes by a link that leads up, and those of a link that leads elsewhere once", async () => {
    const path = await tree("links up", { "data/a/1.png": "plain.png", "data/b/2.png": "plain.png" });
    const more = await tree("more", { "3.png": "plain.png" });
    for (const [from, to] of [
      [join(path, "data"), "data/a/parent"],
      [path, "data/a/grandparent"],
      [more, "data/a/more"],
      [more, "data/a/again"],
      [join(path, "data"), "data/b/parent"],
    ])
      await symlink(from, join(path, to));
    await symlink(join(path, "data"), join(more, "back"));
    const data = await openDataset(join(path, "data"), { split: "train" });
    const names = Array.from({ length: data.length }, (_, i) => `${data.label(i)} ${data.key(i)}`);
    expect(names).toEqual(["0 a/1.png", "0 a/again/3.png", "1 b/2.png"]);
  });

  it("lists a folder with all below it", async () => {
    const path = await tree("whole", { "1.png": "plain.png", "a/2.png": "plain.png" });
    await symlink(path, join(path, "a", "again"));
    const list = new FileList(path);
    await addImagesBelow(list, "");
    expect([list.length, list.relative(0), list.relative(1)]).toEqual([2, "1.png", join("a", "2.png")]);
  });

  it("reports what is wrong with a folder", async () => {
    await expect(openDataset(join(root, "none"), { split: "train" })).rejects.toThrow(
      /Cannot read the data in ".*none": it does not exist/,
    );
    const empty = await tree("empty class", { "a/1.png": "plain.png", "b/": undefined });
    await expect(openDataset(empty, { split: "train" })).rejects.toThrow(/The class folder ".*b" holds no images/);
    const unnamed = await tree("unnamed", { "cat.png": "plain.png" });
    await expect(openDataset(unnamed, { split: "train" })).rejects.toThrow(/"[^"]*cat\.png" has no class/);
    const only = await tree("only train", { "train/a/1.png": "plain.png" });
    await expect(openDataset(only, { split: "test" })).rejects.toThrow(/has the parts train but none for test/);
  });
});

describe("findBadImages", () => {
  it("lists every one of them", async () => {
    const path = await tree("bad", {
      "a/1.png": "plain.png",
      "a/2.jpg": "truncated.jpg",
      "a/3.jpg": "plain.jpg",
      "b/4.jpg": "generate.py",
    });
    const bad = await findBadImages(await openDataset(path, { split: "train" }));
    expect(bad.map((b) => b.path.slice(path.length))).toEqual(["/a/2.jpg", "/b/4.jpg"]);
  });
});

describe("createLoader", () => {
  const dataset = proceduralDataset({ size: 16, count: 50, split: "train" });
  const transform = {
    kind: "training",
    size: 16,
    interpolation: "bicubic",
    crop: "padded",
    scale: [0.5, 1],
    ratio: [1, 1],
    flip: 0.5,
  } as const;
  const options: LoaderOptions = {
    dataset,
    batchSize: 8,
    transform,
    seed: 3,
    workers: 0,
    order: "shuffled",
    dropLast: true,
  };
  const all = async (more: Partial<LoaderOptions>, epoch = 0, from = 0) => {
    const loader = createLoader({ ...options, ...more });
    const batches = [];
    // Copies: the loader uses its memory again.
    for await (const batch of loader.epoch(epoch, from)) batches.push({ ...batch, images: batch.images.slice() });
    await loader.close();
    return batches;
  };

  it("makes the same batches with 0, 1 and 3 workers, and after a resume in mid-epoch", async () => {
    const alone = await all({});
    expect(alone).toHaveLength(6);
    expect(await all({ workers: 1 })).toEqual(alone);
    expect(await all({ workers: 3 })).toEqual(alone);
    expect(await all({ workers: 2 }, 0, 4)).toEqual(alone.slice(4));
  });

  it("does so with every augmentation", async () => {
    const augmentation = {
      policy: parsePolicy("rand-m9-mstd0.5-inc1"),
      jitter: { brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.1 },
      interpolation: "random",
      fill: [124, 116, 104],
      translate: 7,
    } as const;
    const full = {
      repeats: 3,
      transform: { ...transform, crop: "resized", interpolation: "random", augmentation },
    } as const;
    const alone = await all(full);
    expect(await all({ ...full, workers: 2 })).toEqual(alone);
    expect(await all({ ...full, workers: 8 }, 0, 2)).toEqual(alone.slice(2));
  });

  it("repeats samples side by side, each time as a different view, in an epoch of the same length", async () => {
    const many = proceduralDataset({ size: 16, count: 600, split: "train" });
    const batches = await all({ dataset: many, batchSize: 16, repeats: 3 });
    expect(batches).toHaveLength(512 / 16);
    const seen = batches.flatMap((b) => [...b.indices]);
    for (let i = 0; i + 3 <= seen.length; i += 3) expect(new Set(seen.slice(i, i + 3)).size).toBe(1);
    expect(new Set(seen).size).toBe(Math.ceil(512 / 3));
    const [first] = batches;
    const views = [0, 1, 2].map((i) => first.images.slice(i * 768, (i + 1) * 768).join());
    expect(new Set(views).size).toBeGreaterThan(1);
  });

  it("shows every sample once per epoch, in a different order each time", async () => {
    const order = async (epoch: number) => (await all({ batchSize: 10 }, epoch)).flatMap((b) => [...b.indices]);
    const first = await order(0);
    expect(first.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(await order(1)).not.toEqual(first);
  });

  it("marks how full the last batch is", async () => {
    const batches = await all({ order: "sequential", dropLast: false });
    expect(batches.map((b) => b.count)).toEqual([8, 8, 8, 8, 8, 8, 2]);
    expect([...batches[6].indices]).toEqual([48, 49, -1, -1, -1, -1, -1, -1]);
  });

  it("stops on a bad image by name, or substitutes another", async () => {
    const path = await tree("one bad", { "a/1.png": "plain.png", "a/2.jpg": "truncated.jpg", "b/3.png": "plain.png" });
    const data = await openDataset(path, { split: "train" });
    const bad = { dataset: data, batchSize: 3, order: "sequential", workers: 1 } as const;
    await expect(all(bad)).rejects.toThrow(/2\.jpg" is cut short/);
    const skipped: string[] = [];
    const [batch] = await all({ ...bad, onBadImage: "skip", onSkipped: (m) => skipped.push(m) });
    expect(skipped).toHaveLength(1);
    expect([...batch.indices]).toEqual([0, 0, 2]);
  });

  it("reuses the memory of a batch once the batch after the next is requested", async () => {
    const loader = createLoader({ ...options, workers: 2 });
    const memories: unknown[] = [];
    for await (const { images } of loader.epoch(0)) {
      expect(images.buffer).toBeInstanceOf(SharedArrayBuffer);
      memories.push(images.buffer);
    }
    await loader.close();
    for (let i = 1; i < memories.length; i++) expect(memories[i]).not.toBe(memories[i - 1]);
    expect(new Set(memories).size).toBeLessThan(memories.length);
  });

  it("names the exact sample that a worker died on, and continues with others if requested", async () => {
    const worker = new URL("../fixtures/dying-worker.mjs", import.meta.url);
    const run = async (more: Partial<LoaderOptions>) => {
      const loader = createLoader({ ...options, workers: 1, order: "sequential", ...more }, worker);
      const batches = [];
      try {
        for await (const batch of loader.epoch(0)) batches.push([...batch.indices]);
      } finally {
        await loader.close();
      }
      return batches;
    };
    await expect(run({})).rejects.toThrow(
      /^Two workers crashed while processing procedural train image 13: it ended by itself\. Remove/,
    );
    const skipped: string[] = [];
    const batches = await run({ onBadImage: "skip", onSkipped: (message) => skipped.push(message) });
    expect(batches).toHaveLength(6);
    expect(batches[1]).toEqual([8, 9, 10, 11, 12, 8, 14, 15]);
    expect(skipped).toEqual([expect.stringContaining("image 13")]);
  });

  it("refuses more threads than any machine can use", () => {
    expect(() => createLoader({ ...options, workers: 100_000 })).toThrow(
      /cores can use; choose `?workers`? of at most \d+/,
    );
  });

  it("refuses a batch larger than the data", () => {
    expect(() => createLoader({ ...options, batchSize: 64 })).toThrow(
      "has 50 images to train on, fewer than one batch of 64",
    );
  });
});
