/** ImageNet's own layouts, in miniature. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset/dataset.js";
import { openDataset } from "../../src/data/sources/open.js";
import { readSample } from "../../src/data/view/view.js";

const fixtures = new URL("../fixtures/", import.meta.url).pathname;
/** Two classes with the kit's numbers 1 and 2, and a third synset that is not a class. */
const [second, first] = ["n02119789", "n02100735"];
const cacheBefore = process.env.DEIT_CACHE;
let root: string;
let jpeg: Buffer;
let png: Buffer;
let meta: Buffer;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deit imagenet "));
  process.env.DEIT_CACHE = join(root, "cache");
  [jpeg, png, meta] = await Promise.all(
    ["images/plain.jpg", "images/one_pixel.png", "data/plain.mat"].map((name) => readFile(fixtures + name)),
  );
});
afterAll(async () => {
  if (cacheBefore === undefined) delete process.env.DEIT_CACHE;
  else process.env.DEIT_CACHE = cacheBefore;
  await rm(root, { recursive: true });
});

async function archive(members: Readonly<Record<string, Buffer | string>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(members)) tar.entry({ name } as Header, content);
  tar.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of tar) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

async function folder(name: string, files: Readonly<Record<string, Buffer | string>>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, name, path, ".."), { recursive: true });
    await writeFile(join(root, name, path), content);
  }
  return join(root, name);
}

const classArchives = async () => ({
  [`${second}.tar`]: await archive({ [`${second}_1.JPEG`]: jpeg, [`${second}_2.JPEG`]: png }),
  [`${first}.tar`]: await archive({ [`${first}_7.JPEG`]: jpeg }),
});
const validation = () => ({ "ILSVRC2012_val_00000001.JPEG": jpeg, "ILSVRC2012_val_00000002.JPEG": png });
const truth = "ILSVRC2012_validation_ground_truth.txt";

async function widths(data: Dataset): Promise<number[]> {
  const indices = Array.from({ length: data.length }, (_, i) => i);
  return Promise.all(indices.map(async (i) => (await readSample(data.source(i), { jpeg: "exact" })).width));
}
const labels = (data: Dataset) => Array.from({ length: data.length }, (_, i) => data.classes[data.label(i)]);

it("is read from the distributed archives without unpacking them", async () => {
  const path = await folder("whole", {
    "ILSVRC2012_img_train.tar": await archive(await classArchives()),
    "ILSVRC2012_img_val.tar": await archive(validation()),
    "ILSVRC2012_devkit_t12.tar.gz": gzipSync(
      await archive({
        [`ILSVRC2012_devkit_t12/data/${truth}`]: "1\n2\n",
        "ILSVRC2012_devkit_t12/data/meta.mat": meta,
      }),
    ),
  });
  for (const again of [false, true]) {
    const train = await openDataset(path, { split: "train" });
    expect(train.classes, `${again}`).toEqual([first, second]);
    expect(labels(train)).toEqual([second, second, first]);
    expect([train.key(0), await widths(train)]).toEqual([`${second}_1.JPEG`, [34, 1, 34]]);
    const test = await openDataset(path, { split: "test", classes: train.classes });
    expect([labels(test), await widths(test)]).toEqual([
      [second, first],
      [34, 1],
    ]);
  }
});

it("is read from a folder of class archives, and of validation images with the kit's files above", async () => {
  const classes = Object.entries(await classArchives()).map(([name, content]) => [`train/${name}`, content]);
  const images = Object.entries(validation()).map(([name, content]) => [`val/${name}`, content]);
  const path = await folder("parts", {
    ...Object.fromEntries([...classes, ...images]),
    [truth]: "2\n1\n",
    "meta.mat": meta,
  });
  const train = await openDataset(path, { split: "train" });
  expect(labels(train)).toEqual([first, second, second]);
  expect(await widths(train)).toEqual([34, 34, 1]);
  const test = await openDataset(path, { split: "test", classes: train.classes });
  expect([labels(test), test.key(0)]).toEqual([[first, second], "ILSVRC2012_val_00000001.JPEG"]);
});

it("takes Kaggle's table for the kit", async () => {
  const rows = `ILSVRC2012_val_00000002,${first} 85 1 499 272 ${first} 1 2 3 4\nILSVRC2012_val_00000001,${second} 1 2 3 4\n`;
  const path = await folder("kaggle", { ...validation(), "LOC_val_solution.csv": `ImageId,PredictionString\n${rows}` });
  expect(labels(await openDataset(path, { split: "test" }))).toEqual([second, first]);
});

it("reports what is missing or wrong", async () => {
  const fails = async (path: string, split: "train" | "test", message: string | RegExp) =>
    expect(openDataset(path, { split })).rejects.toThrow(message);
  await fails(await folder("bare", validation()), "test", /have no classes; put ILSVRC2012_devkit_t12\.tar\.gz beside/);
  const kit = { [truth]: "1\n9\n", "meta.mat": meta };
  await fails(await folder("other", { ...validation(), ...kit }), "test", "names the class 9, which meta.mat does not");
  await fails(
    await folder("short", { ...validation(), ...kit, [truth]: "1\n" }),
    "test",
    /states no class of "ILSVRC2012_val_00000002\.JPEG"/,
  );
  const packed = { ...validation(), "ILSVRC2012_devkit_t12.tar.gz": "no gzip" };
  await fails(await folder("packed", packed), "test", /ILSVRC2012_devkit_t12\.tar\.gz" is not a usable gzip file/);
  const whole = await archive(await classArchives());
  const cut = await folder("cut", { "ILSVRC2012_img_train.tar": whole.subarray(0, 2000) });
  await fails(cut, "train", /more than there are/);
  await fails(cut, "test", "has the parts train but none for test");
  const nothing = await folder("nothing", { "n01440764.tar": await archive({ "readme.txt": "x" }) });
  await fails(nothing, "train", "holds no images");
});
