/** Datasets as people have them: each layout is made, and is opened as torchvision and the datasets library would, or refused. */
import { copyFile, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sayings } from "../../src/data/dataset/dataset.js";
import { partNaming } from "../../src/data/dataset/parts.js";
import { notesOf, openAllParts } from "../../src/data/sources/all-parts.js";
import { parseDataPath } from "../../src/data/sources/data-path.js";
import { openDataset, openForMeasuring, openPart } from "../../src/data/sources/open.js";
import { openTrainingData } from "../../src/data/sources/training-classes.js";
import { readSample } from "../../src/data/view/view.js";
import { FileError, NoSuchPartError, UnlabelledPartError, UsageError } from "../../src/errors/errors.js";
import { counted, holds, image, scratchData, tar } from "./made-data.js";

let data: Awaited<ReturnType<typeof scratchData>>;
beforeAll(async () => {
  data = await scratchData();
});
afterAll(() => data.remove());
const made: typeof data.made = (files) => data.made(files);

const two = (folder: string) => `${folder}/cat/1.png ${folder}/dog/2.png`;

describe("names of parts", () => {
  it.each([
    [
      "train TRAIN Training training_set trainset seg_train train_images Train2017 trainImages x-train-0001.tar trainval train_val",
      "train",
    ],
    ["val Valid validation VALIDATION dev val2017 x-val-00.tar", "validation"],
    ["test Testing test_set eval evaluation TestImages test-00000-of-00001.parquet PublicTest", "test"],
    ["seg_pred unlabeled Prediction", "aside"],
    ["contest latest trained device valley cat train_test_split", undefined],
  ])("%s", (names, part) => {
    for (const name of names.split(" ")) expect([name, partNaming()(name)]).toEqual([name, part]);
  });
});

describe("folders", () => {
  it.each([
    ["Training and Testing", `${two("Training")} ${two("Testing")}`, "train cat:1 dog:1; test cat:1 dog:1"],
    ["Train and Val", `${two("Train")} ${two("Val")}`, "train cat:1 dog:1; validation cat:1 dog:1"],
    ["train and dev", `${two("train")} ${two("dev")}`, "train cat:1 dog:1; validation cat:1 dog:1"],
    [
      "wrapped seg_train",
      `${two("seg_train/seg_train")} ${two("seg_test/seg_test")} seg_pred/seg_pred/1.png`,
      "train cat:1 dog:1; test cat:1 dog:1",
    ],
    [
      "all three",
      `${two("train")} ${two("valid")} ${two("test")}`,
      "train cat:1 dog:1; validation cat:1 dog:1; test cat:1 dog:1",
    ],
    [
      "a test without labels",
      `${two("train")} ${two("val")} test/1.png test/2.png`,
      "train cat:1 dog:1; validation cat:1 dog:1",
    ],
    ["parts and a folder without images", `${two("train")} ${two("test")}`, "train cat:1 dog:1; test cat:1 dog:1"],
    ["a class called test", "essay/1.png quiz/1.png test/1.png", "train essay:1 quiz:1 test:1"],
    ["a class called train", "bus/1.png car/1.png train/1.png train/2.png", "train bus:1 car:1 train:2"],
    [
      "classes that begin as parts",
      "train station/1.png test tube/1.png".replaceAll(" s", "_s").replaceAll(" tu", "_tu"),
      "train test_tube:1 train_station:1",
    ],
    ["classes with an inner folder of one name", "cat/images/1.png dog/images/2.png", "train cat:1 dog:1"],
  ])("%s are taken for what they are", async (_, files, expected) => {
    expect(await holds(await made(files))).toBe(expected);
  });

  it.each([
    [
      "parts of unknown names",
      `${two("fold1")} ${two("fold2")}`,
      /hold the same folders \("cat", "dog"\).*folders,train=NAME/,
    ],
    [
      "a part beside what may be one",
      `${two("train")} extra/1.png`,
      /called as a part of the data, and beside it images in "extra"/,
    ],
    [
      "two folders for one part",
      `${two("train")} ${two("training")}`,
      /more than one folder for train: "train", "training"/,
    ],
    ["classes and a part", `cat/1.png dog/1.png ${two("test")}`, /holds "test", called as a part/],
  ])("%s are refused, with what decides", async (_, files, message) => {
    const path = await made(files);
    await expect(openPart(path, { split: "train" })).rejects.toThrow(message);
  });

  it("are what the user specifies", async () => {
    const path = await made(`${two("fold1")} ${two("fold2")}`);
    expect(await holds(`folders,train=fold1,validation=fold2:${path}`)).toBe(
      "train cat:1 dog:1; validation cat:1 dog:1",
    );
    expect(await holds(`folders:${path}`)).toBe("train fold1:2 fold2:2");
    await expect(openPart(`folders,train=none:${path}`, { split: "train" })).rejects.toThrow(
      /no folder of the names given/,
    );
  });

  it("of one class are refused for training, with the folder that was meant", async () => {
    const cases = [
      [await made(two("photos")), /did you mean ".*photos", which holds "cat", "dog"\?/],
      [await made(`${two("two/train")} ${two("two/test")}`), /did you mean ".*two", which holds "test", "train"\?/],
      [await made("cat/1.png"), /of one class, "cat".*give a folder with a folder for each class/],
    ] as const;
    for (const [path, message] of cases) await expect(openTrainingData(path, {})).rejects.toThrow(message);
  });
});

describe("a part", () => {
  it("that is missing is recognised by its error, unlike any other problem", async () => {
    const parts = await made(`${two("train")} ${two("val")}`);
    await expect(openPart(parts, { split: "test" })).rejects.toThrow(NoSuchPartError);
    expect((await openForMeasuring(parts, {})).part).toBe("validation");
    const whole = await made(two("."));
    await expect(openPart(whole, { split: "test" })).rejects.toMatchObject({ parts: [] });
    expect((await openForMeasuring(whole, {})).part).toBe("whole");
  });

  it("that is not sound is an error, whatever else there is", async () => {
    const sound = await tar({
      "0.cls": "1",
      "0.png": await readFile(image),
      "1.cls": "0",
      "1.png": await readFile(image),
    });
    const cut = await made({ "x-train-0.tar": sound, "x-val-0.tar": sound.subarray(0, 700) });
    const empty = await made({
      "train/cat/1.png": image,
      "train/dog/1.png": image,
      "val/cat/1.png": image,
      "val/dog/notes.txt": "",
    });
    const mixed = await made({
      "x.csv": "path,label,split\n1.png,cat,train\n2.png,dog,train\n3.png,cat,val\n4.png,,val\n",
      ...Object.fromEntries([1, 2, 3, 4].map((i) => [`${i}.png`, image])),
    });
    for (const [path, message] of [
      [cut, /x-val-0\.tar" is not a usable tar/],
      [empty, /class folder ".*dog" holds no images/],
      [join(mixed, "x.csv"), /Sample 4 of .* has no label/],
    ] as const) {
      await expect(openForMeasuring(path, {})).rejects.toThrow(message);
      await expect(openAllParts(path, {})).rejects.toThrow(message);
    }
  });

  it("without labels is recognised, and hides no part that has them", async () => {
    const list = await made({
      "x.csv": "path,label,split\n1.png,cat,train\n2.png,dog,train\n3.png,dog,val\n4.png,,test\n",
      ...Object.fromEntries([1, 2, 3, 4].map((i) => [`${i}.png`, image])),
    });
    const path = join(list, "x.csv");
    await expect(openPart(path, { split: "test" })).rejects.toThrow(UnlabelledPartError);
    const measured = await openForMeasuring(path, {});
    expect([measured.part, counted(measured.dataset)]).toEqual(["validation", "cat:0 dog:1"]);
    expect(sayings(measured.dataset).join()).toContain("has no labels and is ignored");
  });
});

describe("lists", () => {
  const rows = "img/0.png,cat\nimg/1.png,dog\nimg/2.png,cat\n";
  const images = { "img/0.png": image, "img/1.png": image, "img/2.png": image };
  it.each([
    ["capitals", `Path,Label\n${rows}`],
    ["filepath", `filepath,labels\n${rows}`],
    ["a name for the image", `image_path,class_name\n${rows}`],
    ["names that are not known", `where,what\n${rows}`],
    ["no names", rows],
    ["no names, the other way round", "cat,img/0.png\ndog,img/1.png\ncat,img/2.png\n"],
    ["semicolons", `path;label\n${rows.replaceAll(",", ";")}`],
    [
      "a name and its number",
      `path,class_id,class\n${rows.replace(/,(.*)/g, (_, c) => `,${c === "cat" ? 7 : 3},${c}`)}`,
    ],
    ["more columns", `Width,Roi.X1,ClassId,Path\n64,5,cat,img/0.png\n64,5,dog,img/1.png\n64,5,cat,img/2.png\n`],
    ["identifiers without an ending", "id,breed\n0,cat\n1,dog\n2,cat\n"],
    ["names of files in a folder beside", "image_id,label\n0.png,cat\n1.png,dog\n2.png,cat\n"],
  ])("with %s are read", async (_, csv) => {
    const path = await made({ "x.csv": csv, ...images });
    const data = await openPart(join(path, "x.csv"), { split: "train" });
    expect(counted(data)).toBe("cat:2 dog:1");
    expect((await readSample(data.source(2), { jpeg: "exact" })).width).toBe(34);
  });

  it.each([
    ["TRAIN and TEST", "TRAIN,TRAIN,TEST", "train cat:1 dog:1; test cat:1 dog:0"],
    ["train and dev", "train,train,dev", "train cat:1 dog:1; validation cat:1 dog:0"],
    ["Training and PublicTest", "Training,Training,PublicTest", "train cat:1 dog:1; test cat:1 dog:0"],
  ])("are divided by %s", async (_, words, expected) => {
    const lines = rows
      .trim()
      .split("\n")
      .map((row, i) => `${row},${words.split(",")[i]}`);
    const path = await made({ "x.csv": `path,label,split\n${lines.join("\n")}`, ...images });
    expect(await holds(join(path, "x.csv"))).toBe(expected);
  });

  it.each([
    [
      "two columns that may hold the class",
      "path,dx,age\nimg/0.png,a,1\n",
      /which of its columns holds the classes: "dx", "age".*list,label=dx:/,
    ],
    [
      "two classes that disagree",
      "path,label,species\nimg/0.png,a,1\nimg/1.png,a,2\n",
      /several columns that may hold the classes: "label", "species"/,
    ],
    [
      "two images",
      "image_path,mask_path,filename,label\nimg/0.png,x,img/1.png,1\n",
      /holds the images: "image_path", "filename"/,
    ],
    [
      "unknown words for parts",
      "path,label,split\nimg/0.png,a,fold0\nimg/1.png,b,fold1\n",
      /by words that are not known: "fold0", "fold1".*list,split=none/,
    ],
    [
      "a name that two files have",
      "id,label\n0,cat\n",
      /exists more than once below its folder: "img\/0\.png", "other\/0\.png"/,
    ],
  ])("with %s are refused, with what decides", async (_, csv, message) => {
    const path = await made({ "x.csv": csv, ...images, "other/0.png": image });
    await expect(openPart(join(path, "x.csv"), { split: "train" })).rejects.toThrow(message);
  });

  it.each([
    ["sep=;", "\r\n"],
    ['\ufeff"sep=;"', "\n"],
  ])("a first line that tells Excel what separates: %j", async (first, end) => {
    const lines = [first, "path;label", "img/0.png;a,c", "img/1.png;b", ""];
    const path = await made({ "x.csv": lines.join(end), ...images });
    expect(await holds(join(path, "x.csv"))).toBe("train a,c:1 b:1");
  });

  it("are read as the user specifies", async () => {
    const path = await made({ "x.csv": "path,dx,age,split\nimg/0.png,a,1,fold0\nimg/1.png,b,1,fold1\n", ...images });
    expect(await holds(`list,label=dx,split=none:${join(path, "x.csv")}`)).toBe("train a:1 b:1");
    expect(await holds(`list,label=dx,train=fold0,test=fold1:${join(path, "x.csv")}`)).toBe(
      "train a:1 b:0; test a:0 b:1",
    );
    expect(() => parseDataPath("flat,image=x:photos")).toThrow(UsageError);
    await expect(openPart(`list,label=none:${join(path, "x.csv")}`, { split: "train" })).rejects.toThrow(
      /has no column "none"/,
    );
  });

  it("called metadata that describe something else leave the folders as they are", async () => {
    const path = await made({ "cat/1.png": image, "dog/2.png": image, "metadata.csv": "id,size,license\n1,2,cc\n" });
    const data = await openPart(path, { split: "train" });
    expect([counted(data), sayings(data)]).toEqual(["cat:1 dog:1", [expect.stringContaining('"metadata.csv"')]]);
  });
});

describe("shards", () => {
  it("may have labels in .txt, hidden members, other labels and masks beside, and gzip inside", async () => {
    const png = await readFile(image);
    const plain = await tar({ "0.png": png, "0.txt": "cat", "1.png": png, "1.txt": "dog" });
    const mac = await tar({
      "./0.cls": "0",
      "./._0.png": "x",
      "./0.png": png,
      "./1.cls": "1",
      "./._1.png": "x",
      "./1.png": png,
    });
    const both = await tar({
      "0.cls": "0",
      "0.json": '{"label": 1}',
      "0.mask.png": "x",
      "0.png": png,
      "1.json": '{"label": 0}',
      "1.cls": "1",
      "1.png": png,
    });
    const path = await made({ "a/x.tar": plain, "b/x.tar": mac, "c/x.tar": both, "d/x.tar": gzipSync(plain) });
    const found = await Promise.all(["a", "b", "c", "d"].map((name) => openPart(join(path, name), { split: "train" })));
    expect(found.map(counted)).toEqual(["cat:1 dog:1", "0:1 1:1", "0:1 1:1", "cat:1 dog:1"]);
    expect((await readSample(found[2].source(0), { jpeg: "exact" })).width).toBe(34);
  });

  it("with several images per sample, captions for classes, or a different packing are refused", async () => {
    const png = await readFile(image);
    const path = await made({
      "a.tar": await tar({ "0.cls": "0", "0.depth.png": png, "0.rgb.png": png }),
      "b.tar": await tar({ "0.png": png, "0.txt": "A cat\non a mat" }),
      "c.tar": Buffer.concat([Buffer.from("BZh9"), Buffer.alloc(2000, 1)]),
    });
    for (const [name, message] of [
      ["a", /several images \(\.depth\.png, \.rgb\.png\)/],
      ["b", /text in its \.txt member but no class/],
      ["c", /packed with bzip2/],
    ] as const)
      await expect(openPart(join(path, `${name}.tar`), { split: "train" })).rejects.toThrow(message);
  });
});

describe("what is omitted", () => {
  it("is reported with a count and advice", async () => {
    const heic = Buffer.from("0000001c667479706865696300000000", "hex");
    const path = await made({
      "cat/1.png": image,
      "dog/1.png": image,
      "dog/2.heic": heic,
      "dog/3.HEIC": heic,
      "dog/4": await readFile(image),
      "dog/5.nef": "x",
      "dog/notes.txt": "x",
      "loose.png": image,
    });
    const said = sayings(await openPart(path, { split: "train" }));
    expect(said).toEqual([
      expect.stringMatching(/^1 file without an ending .*"dog\/4", which holds PNG/),
      expect.stringMatching(/^2 files with the ending "\.heic".*HEIC.*sips/),
      expect.stringMatching(/^1 file with the ending "\.nef".*raw/),
      expect.stringMatching(/^1 image in .*"loose\.png".*belong to no class/),
    ]);
  });

  it("is named if a class has nothing else", async () => {
    const path = await made({ "cat/1.png": image, "dog/2.heic": "x", "dog/3.heic": "x" });
    await expect(openPart(path, { split: "train" })).rejects.toThrow(
      /dog" holds no images.* 2 files with the ending "\.heic"/,
    );
  });

  it("reports classes that look alike", async () => {
    const data = await openPart(await made("caf\u00e9/1.png cafe\u0301/2.png"), { split: "train" });
    expect(sayings(data)).toEqual([expect.stringContaining("Unicode's composed and decomposed forms")]);
  });
});

it("names that are not UTF-8 are read and distinguished", async () => {
  const path = await made("a/0.png");
  for (const name of ["caf\xe9/0.png", "caf\xe8/0.png", "a/\xd6l.png"]) {
    const bytes = Buffer.concat([Buffer.from(`${path}/`), Buffer.from(name, "latin1")]);
    await mkdir(bytes.subarray(0, bytes.lastIndexOf("/")), { recursive: true });
    await copyFile(image, bytes);
  }
  const data = await openDataset(path, { split: "train" });
  expect([data.length, data.classes.length]).toEqual([4, 3]);
  for (let i = 0; i < 4; i++) expect((await readSample(data.source(i), { jpeg: "exact" })).width).toBe(34);
});

it("a FileError of one part is never taken for its absence", async () => {
  const path = await made(`${two("train")} val/cat/1.png`);
  await rm(join(path, "val/cat/1.png"));
  await expect(openAllParts(path, {})).rejects.toThrow(FileError);
  const both = await openAllParts(await made(`${two("train")} ${two("val")} test/1.png`), {});
  expect(notesOf(both)).toEqual([expect.stringMatching(/^The part for test has no labels/)]);
});
